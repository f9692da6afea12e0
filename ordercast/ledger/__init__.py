"""The ledger: which process sent which events to which connections, in Redis.

Nothing is written for an event. A process writes how far it has come in the journal, and of each
connection from which offset on it gets the events of which rooms, and where it ended. An event was
sent to the connections whose span it is in.

    records.py   a process and a connection, as the ledger has them
    writing.py   what a process writes, once a second
    reading.py   what commands and pages read
"""

from ordercast.ledger.reading import Batch, LedgerReader
from ordercast.ledger.records import (
    KEPT_SECONDS,
    ConnectionRecord,
    Ended,
    Mark,
    ProcessRecord,
    RoomSpan,
)
from ordercast.ledger.writing import LedgerWriter, Written

__all__ = [
    "KEPT_SECONDS",
    "Batch",
    "ConnectionRecord",
    "Ended",
    "LedgerReader",
    "LedgerWriter",
    "Mark",
    "ProcessRecord",
    "RoomSpan",
    "Written",
]
