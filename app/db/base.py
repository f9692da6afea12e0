"""The extension, and the root of every model."""

from datetime import UTC, datetime

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from ordercast import BigId, UtcDateTime

__all__ = ["MAX_ROW_ID", "Base", "BigId", "UtcDateTime", "db", "now", "row_id"]

MAX_ROW_ID = 2**63 - 1


class Base(DeclarativeBase):
    """The root of every model. Constraints have names, so that migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


def now() -> datetime:
    """The present time in UTC, aware, to the millisecond: the wire shows the stored value."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def row_id(text: str) -> int | None:
    """A client's id as a primary key, or None if no row can have it."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    number = int(text)
    return number if 0 < number <= MAX_ROW_ID and str(number) == text else None
