"""The database: session, `Base`, and `transaction()`, the only function that commits.

transactions.py   transaction(), announce(), append(), release()
base.py           the extension, Base
engine.py         options of the connection
"""

from app.db.base import MAX_ROW_ID, Base, BigId, UtcDateTime, db, now, row_id
from app.db.engine import init_app
from app.db.transactions import (
    UncommittedChanges,
    announce,
    append,
    in_transaction,
    release,
    transaction,
)

__all__ = [
    "MAX_ROW_ID",
    "Base",
    "BigId",
    "UncommittedChanges",
    "UtcDateTime",
    "announce",
    "append",
    "db",
    "in_transaction",
    "init_app",
    "now",
    "release",
    "row_id",
    "transaction",
]
