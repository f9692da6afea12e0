"""The database: session, `Base`, and `transaction()`, the only thing that commits.

transactions.py   transaction(), on_commit(), release()
base.py           the extension, Base, column types
engine.py         how this process connects: pool, isolation, what a failed session is worth
sqlite.py         waiting for another writer
postgres.py       sessions that end when their server does
outage.py         what an error says about the database, in one line
probe.py          whether the database can be written now
"""

from app.db.base import MAX_ID, Base, BigId, UtcDateTime, db, migrate, now, row_id
from app.db.engine import init_app, limit_answers
from app.db.transactions import in_transaction, on_commit, release, transaction
from ordercast.database.outage import Outage, explain, outage
from ordercast.database.probe import probe

__all__ = [
    "MAX_ID",
    "Base",
    "BigId",
    "Outage",
    "UtcDateTime",
    "db",
    "explain",
    "in_transaction",
    "init_app",
    "limit_answers",
    "migrate",
    "now",
    "on_commit",
    "outage",
    "probe",
    "release",
    "row_id",
    "transaction",
]
