"""The team's database, through the team's own engine.

access.py     connections for reading, transactions for writing
joining.py    the transaction that a caller has open
apart.py      the same over a few connections of its own, for emits
engine.py     options and listeners for an engine that meets outages
types.py      column types      metadata.py   of the library's own tables
upsert.py     INSERT ... ON CONFLICT of each database
outage.py     the kind of outage that an error means, and its text on one line
probe.py      whether the database can be written now
sqlite.py     waiting for another writer
postgres.py   sessions that end when their server does
"""

from ordercast.database.access import AUTOCOMMIT, READS, Database
from ordercast.database.apart import MAX_EMITTING
from ordercast.database.engine import adopt, engine_options, harden
from ordercast.database.joining import Transaction, place_of, session_of
from ordercast.database.outage import Outage, explain, outage
from ordercast.database.upsert import upsert

__all__ = [
    "AUTOCOMMIT",
    "MAX_EMITTING",
    "READS",
    "Database",
    "Outage",
    "Transaction",
    "adopt",
    "engine_options",
    "explain",
    "harden",
    "outage",
    "place_of",
    "session_of",
    "upsert",
]
