"""The database: session, `Base`, and `transaction()`, the only function that commits.

transactions.py   transaction(), append(), release()
base.py           the extension, Base
engine.py         options of the connection
"""

from app.db.base import MAX_ROW_ID, Base, BigId, UtcDateTime, db, now, row_id
from app.db.engine import init_app
from app.db.transactions import UncommittedChanges, append, in_transaction, release, transaction

__all__ = [
    "MAX_ROW_ID",
    "Base",
    "BigId",
    "UncommittedChanges",
    "UtcDateTime",
    "append",
    "db",
    "in_transaction",
    "init_app",
    "now",
    "release",
    "row_id",
    "transaction",
]
