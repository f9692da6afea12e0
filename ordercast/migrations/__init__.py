"""The library's tables, all named `ordercast_*`, and the migrations that make and change them.

upgrading.py      upgrade(), in a transaction that only one process at a time has
autogenerate.py   include_object(): a team's own migrations leave these tables alone
versions/         the revisions, by Alembic; their version is in `ordercast_version`
"""

from ordercast.migrations.autogenerate import include_object
from ordercast.migrations.upgrading import VERSION_TABLE, current, head, upgrade

__all__ = ["VERSION_TABLE", "current", "head", "include_object", "upgrade"]
