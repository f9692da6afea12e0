"""The journal: an event commits together with the change it announces, then gets its position.

append     inside the domain's transaction                      (writing.py)
waiting_after   whether an event waits for its position         (waiting.py)
oldest_waiting                              which, and how long
sequence   committed events get the next positions, no holes
read       a row or a message as an Entry, blank if it is none  (entries.py)
head, since, sizes, page                                        (reading.py)
holders    who keeps sequencers waiting                         (locking.py)
restart    a journal that lost positions begins anew            (restarting.py, marks.py)
prune      the oldest go, and the lowest position kept is known (pruning.py)
ring       a commit wakes the sequencer, through Redis          (doorbell.py)
"""

from ordercast.journal.doorbell import Doorbell
from ordercast.journal.entries import Entry, read
from ordercast.journal.locking import LOCK_SECONDS, HeadLocked, holders
from ordercast.journal.marks import Marks
from ordercast.journal.pruning import prune
from ordercast.journal.reading import Head, head, page, since, sizes
from ordercast.journal.restarting import restart
from ordercast.journal.sequencing import BATCH, BATCH_BYTES, oldest_waiting, sequence
from ordercast.journal.waiting import waiting_after
from ordercast.journal.writing import append

__all__ = [
    "BATCH",
    "BATCH_BYTES",
    "LOCK_SECONDS",
    "Doorbell",
    "Entry",
    "Head",
    "HeadLocked",
    "Marks",
    "append",
    "head",
    "holders",
    "oldest_waiting",
    "page",
    "prune",
    "read",
    "restart",
    "sequence",
    "since",
    "sizes",
    "waiting_after",
]
