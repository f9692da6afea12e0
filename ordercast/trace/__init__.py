"""What happened to an event: the journal's row, and what the processes wrote into the ledger.

answers.py     the answer: events, each with processes and connections
judging.py     whether a connection got an event, as far as the ledger can know
tracing.py     asks the journal and the ledger
listing.py     the connections of all processes, page by page
asking.py      both, of one application
words.py       the answer as a person reads it
"""

from ordercast.trace.answers import (
    EventTrace,
    ProcessTrace,
    Progress,
    Receipt,
    ReceiptState,
    Trace,
)
from ordercast.trace.asking import Asking
from ordercast.trace.listing import ConnectionPage
from ordercast.trace.words import print_trace

__all__ = [
    "Asking",
    "ConnectionPage",
    "EventTrace",
    "ProcessTrace",
    "Progress",
    "Receipt",
    "ReceiptState",
    "Trace",
    "print_trace",
]
