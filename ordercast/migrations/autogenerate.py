"""A filter for the comparison of a team's `flask db migrate`."""

from typing import Any

PREFIX = "ordercast_"  # of every table of the library


def include_object(
    item: Any, name: str | None, type_: str, reflected: bool, compare_to: object
) -> bool:
    """For `context.configure(include_object=...)` in a team's `migrations/env.py`: without it
    Alembic takes the library's tables for some that the team's models have dropped.

    -> False for the tables of the library, and for their columns, indexes and constraints.
    """
    table = name if type_ == "table" else getattr(getattr(item, "table", None), "name", None)
    return table is None or not table.startswith(PREFIX)
