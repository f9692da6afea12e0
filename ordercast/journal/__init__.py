"""The journal: an event commits together with the change it announces, then gets its position.

store.py       Journal: all of it, for one application
appending.py   in the transaction of the change         doorbell.py    a commit wakes sequencers
bulk.py        many events by one statement
listening.py   NOTIFY of a program's own SQL wakes them too
clock.py       the database's clock, by which events are dated
waiting.py     whether an event waits for its position, and how long
sequencing.py  committed events get the next positions, no holes, and are published
numbering.py   the next positions, while the head is locked
advancing.py   the same, and the head, by one statement of PostgreSQL
publishing.py  through Redis, with a back-off while it does not answer
batches.py     when positions were given, for `trace`
entries.py     a row or a message as an Entry, blank if it cannot be delivered
reading.py     the head; what rooms got since a position          missed.py   in pieces
selecting.py   the statements of these reads
history.py     rows by offset, key or room, as an operator asks for them
searching.py   page by page, by room, name and offset
several.py     what several clients are owed, in one read
locking.py     the head's lock, and what holds it
restarting.py  a journal that lost positions gets another name    marks.py   how far it had been
pruning.py     deletes the oldest, and moves the lowest position kept
days.py        PostgreSQL's partitions, one for each day: added ahead, dropped whole
tables.py      the tables              rules.py    what the database itself checks and does
"""

from ordercast.journal.batches import Batches
from ordercast.journal.bulk import NewEvent
from ordercast.journal.clock import Clock
from ordercast.journal.doorbell import Ear
from ordercast.journal.entries import Entry
from ordercast.journal.history import Row
from ordercast.journal.listening import Listener
from ordercast.journal.locking import LOCK_SECONDS, HeadLocked
from ordercast.journal.marks import Marks
from ordercast.journal.missed import Missed, Pruned, split
from ordercast.journal.publishing import Publisher
from ordercast.journal.reading import Head
from ordercast.journal.searching import EventPage
from ordercast.journal.sequencing import BATCH_ROWS, Sequencer
from ordercast.journal.several import Found, Wanted
from ordercast.journal.store import Journal

__all__ = [
    "BATCH_ROWS",
    "LOCK_SECONDS",
    "Batches",
    "Clock",
    "Ear",
    "Entry",
    "EventPage",
    "Found",
    "Head",
    "HeadLocked",
    "Journal",
    "Listener",
    "Marks",
    "Missed",
    "NewEvent",
    "Pruned",
    "Publisher",
    "Row",
    "Sequencer",
    "Wanted",
    "split",
]
