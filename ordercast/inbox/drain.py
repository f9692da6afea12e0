"""Draining the inbox: from the Redis stream into the journal.

The stream holds the entries that are not journalled yet: an entry leaves it after the transaction
that journalled it has committed, and the same transaction keeps the entry's key, by which a repeat
is recognised. At least once in, exactly once out.

Every worker reads from the beginning of the stream, and there is no consumer group, on purpose:
with one, entries are dealt out, and a worker that is slow or dead holds earlier entries of a sender
while others journal the later ones. Here two workers at once read the same entries, the keys let
one of them through, and the entries of a worker that died are still in the stream.
"""

import logging
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)

from ordercast.broker import Broker, Redis
from ordercast.database import Database
from ordercast.errors import Refused
from ordercast.events import Events
from ordercast.inbox.claiming import claim
from ordercast.inbox.letters import Fields, Letter, read
from ordercast.journal import Journal, NewEvent
from ordercast.metrics import INBOX_ACCEPTED, INBOX_REFUSED
from ordercast.payloads import text_of

logger = logging.getLogger(__name__)

BATCH_ENTRIES = 1000  # in one step
BATCH_BYTES = 4_194_304  # of entries in one step, and one piece more
PIECE_ENTRIES = 100  # of one answer of Redis: each of them may have a megabyte
KEPT_REFUSED_ENTRIES = 1000  # about
FIELDS_KEPT = 100  # of a refused entry
MAX_REFUSAL_CHARACTERS = 500
TOO_LARGE = "54"  # PostgreSQL's class of errors, program_limit_exceeded

Entry = tuple[bytes, Fields]  # (stream id, fields)

# Set an entry aside in one step, and once: two workers may have read it.
SET_ASIDE = """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, 3))
return redis.call('XDEL', KEYS[1], ARGV[1])
"""


class Drain:
    """The inbox of one application. `client` is a connection of this drain's own, which a blocking
    step occupies. `journalled` is called when a batch has committed, and raises nothing: the
    sequencer of this process needs no ring through Redis."""

    def __init__(
        self,
        client: Redis,
        broker: Broker,
        *,
        database: Database,
        journal: Journal,
        events: Events,
        journalled: Callable[[], object],
        batch_entries: int = BATCH_ENTRIES,
    ) -> None:
        self._redis = client
        self._broker = broker
        self._database = database
        self._journal = journal
        self._events = events
        self._journalled = journalled
        self._batch_entries = batch_entries

    def step(self, *, block_ms: int | None = None) -> bool:
        """Move a batch of entries into the journal. Returns whether there may be more. `block_ms`:
        how long to wait for a first entry; then there may always be more.

        Raises redis.RedisError, or SQLAlchemyError: then every entry that is not in the journal is
        still in the stream, and the next step reads it again.
        """
        entries = self._read(block_ms)
        if not entries:
            return block_ms is not None
        letters: list[tuple[Entry, Letter]] = []
        refused: list[tuple[Entry, str]] = []
        for entry_id, fields in entries:
            try:
                letter = read(self._events, entry_id.decode(), fields)
                letters.append(((entry_id, fields), letter))
            except Refused as exc:
                refused.append(((entry_id, fields), str(exc)))
        refused += self._accept(letters)
        for entry, reason in refused:
            self._set_aside(entry, reason)
        return True

    def _read(self, block_ms: int | None) -> list[Entry]:
        """The oldest entries: as many as wait, up to a batch. Read in pieces, as nothing tells how
        large the next entries are."""
        entries: list[Entry] = []
        size = 0
        after: Any = "0"
        while len(entries) < self._batch_entries and size < BATCH_BYTES:
            most = min(PIECE_ENTRIES, self._batch_entries - len(entries))
            found: Any = self._redis.xread({self._broker.inbox: after}, count=most, block=block_ms)
            piece: list[Entry] = found[0][1] if found else []
            entries += piece
            if len(piece) < most:
                break
            size += sum(len(value) for _, fields in piece for value in fields.values())
            after, block_ms = piece[-1][0], None
        return entries

    def _accept(self, letters: Sequence[tuple[Entry, Letter]]) -> list[tuple[Entry, str]]:
        """Journal the letters, then delete their entries from the stream. Returns the entries that
        the database cannot hold, with the reasons."""
        if not letters:
            return []
        try:
            with self._database.writing() as connection:
                new = self._append(connection, [letter for _, letter in letters])
        except Exception as exc:
            if not _may_be_an_entrys(exc):
                raise
            if len(letters) > 1:  # by halves: the broken one is refused, the others go on
                half = len(letters) // 2
                return [*self._accept(letters[:half]), *self._accept(letters[half:])]
            if not self._takes_others():
                raise
            return [(letters[0][0], str(getattr(exc, "orig", None) or exc))]
        self._journalled()
        self._redis.xdel(self._broker.inbox, *(entry_id for (entry_id, _), _ in letters))
        INBOX_ACCEPTED.inc(new)
        logger.info("inbox drained", extra={"count": new, "repeated": len(letters) - new})
        return []

    def _append(self, connection: Connection, letters: Sequence[Letter]) -> int:
        """Append the letters whose key is new, in their order. Returns how many."""
        claimed = claim(connection, [letter.key for letter in letters])
        new = []
        for letter in letters:
            if letter.key not in claimed:
                continue
            claimed.remove(letter.key)
            if not self._is_journalled(connection, letter):
                content = (letter.room, letter.event, letter.payload, letter.further)
                new.append(NewEvent(*content, letter.subject))
        self._journal.append_all(connection, new)
        return len(new)

    def _is_journalled(self, connection: Connection, letter: Letter) -> bool:
        """Whether the transaction committed whose COMMIT the sender saw fail."""
        return letter.row is not None and self._journal.has_row(
            connection, letter.row, letter.event, letter.payload.text
        )

    def _takes_others(self) -> bool:
        """Whether the database journals a plain probe, which is rolled back: then the entry that
        failed is the cause, and not the database."""
        probe = Letter(f"probe:{uuid4()}", "probe", "probe", text_of({}))
        try:
            with self._database.writing() as connection:
                nested = connection.begin_nested()
                self._append(connection, [probe])
                nested.rollback()
        except SQLAlchemyError:
            return False
        return True

    def _set_aside(self, entry: Entry, reason: str) -> None:
        entry_id, fields = entry
        kept = [part for field in islice(fields.items(), FIELDS_KEPT) for part in field]
        text = reason[:MAX_REFUSAL_CHARACTERS].encode(errors="backslashreplace")
        kept += [b"entry", entry_id, b"reason", text]
        keys = (self._broker.inbox, self._broker.refused)
        if self._redis.eval(SET_ASIDE, len(keys), *keys, entry_id, KEPT_REFUSED_ENTRIES, *kept):
            INBOX_REFUSED.inc()
            extra = {"entry": entry_id.decode(), "reason": reason}
            logger.error("inbox entry refused", extra=extra)


def _may_be_an_entrys(error: Exception) -> bool:
    """Whether the content of one entry may be the cause: a character that the database cannot hold,
    a value out of range, a constraint. Never for an outage."""
    if isinstance(error, OperationalError):
        return str(getattr(error.orig, "sqlstate", "")).startswith(TOO_LARGE)
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError | ProgrammingError | NotSupportedError)
    return isinstance(error, StatementError | ValueError | TypeError | OverflowError)
