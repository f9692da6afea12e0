"""Lists, paged by cursor: newest first, stable while rows are added."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from app.db import db, row_id
from app.errors import MarketplaceError
from ordercast import Wire

DEFAULT_LIMIT = 50
MAX_PAGE_ROWS = 100


class InvalidCursor(MarketplaceError):
    code = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("The cursor is not one that this list gave out.")


def page(
    query: Select[Any],
    key: InstrumentedAttribute[int],
    view: type[Wire],
    *,
    cursor: str | None,
    limit: int,
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of `query` by descending `key` -> (its rows as `view` shows them, the next cursor or
    None at the end). Raises InvalidCursor."""
    if cursor is not None:
        query = query.where(key < _decode(cursor))
    rows = list(db.session.scalars(query.order_by(key.desc()).limit(limit + 1)).unique())
    more = len(rows) > limit
    rows = rows[:limit]
    following = _encode(getattr(rows[-1], key.key)) if more else None
    return [view.model_validate(row).wire() for row in rows], following


def _encode(number: int) -> str:
    return urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def _decode(cursor: str) -> Any:
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError as exc:  # binascii.Error and UnicodeError are ValueErrors
        raise InvalidCursor from exc
    number = row_id(text)
    if number is None:
        raise InvalidCursor
    return number
