"""Draining the inbox: from the Redis stream into the journal.

The stream holds what is not journalled yet: an entry leaves it after the transaction that
journalled it has committed, and the same transaction keeps the entry's key, so that a repeat finds
itself there already. At least once in, exactly once out.

Every worker reads from the beginning of the stream, and there is no consumer group, on purpose:
with one, entries are dealt out, and a worker that is slow or dead holds earlier entries of a sender
while others journal the later ones. Here two workers at once read the same entries, the keys let
one of them through, and what a dead one had begun is simply still there.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import uuid4

import orjson
from flask import current_app
from sqlalchemy import String
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
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, UtcDateTime, now, transaction
from app.events import EVENTS, Notification
from ordercast.broker import Broker, Redis
from ordercast.database import upsert
from ordercast.errors import InvalidEvent, Refused
from ordercast.inbox.sender import MAX_ID, check_data, check_id
from ordercast.journal import Journal
from ordercast.metrics import INBOX_ACCEPTED, INBOX_REFUSED

logger = logging.getLogger(__name__)

BATCH = 100  # entries in one step
REFUSED_KEPT = 1000  # entries, about
FIELDS_KEPT = 100  # of a refused entry
MAX_REASON = 500  # characters
TOO_LARGE = "54"  # PostgreSQL's class of errors for what is over a limit of its own

Fields = dict[bytes, bytes]
Entry = tuple[bytes, Fields]  # (stream id, fields)

# In one step, and by one worker only: two may have read the same entry.
SET_ASIDE = """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, 3))
return redis.call('XDEL', KEYS[1], ARGV[1])
"""


class InboxId(Base):
    """The ids that were accepted; kept as long as a repeat is recognised."""

    __tablename__ = "ordercast_inbox_ids"

    id: Mapped[str] = mapped_column(String(MAX_ID + 8), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


@dataclass(frozen=True, slots=True)
class Letter:
    """An entry that has been understood."""

    key: str  # what makes it unique: the sender's id, or the stream's
    room: str
    event: str
    payload: dict[str, object]


def drain_once(client: Redis, names: Broker, *, block_ms: int | None = None) -> bool:
    """Move a batch of entries into the journal. Returns whether there may be more; with `block_ms`
    it waits so long for a first one, and then there may always be.

    Raises redis.RedisError, or SQLAlchemyError: then nothing that is not in the journal was taken
    out of the stream, and the next step reads it again.
    """
    found: Any = client.xread({names.inbox: "0"}, count=BATCH, block=block_ms)
    if not found:
        return block_ms is not None
    entries: list[Entry] = found[0][1]
    letters: list[tuple[Entry, Letter]] = []
    refused: list[tuple[Entry, str]] = []
    for entry_id, fields in entries:
        try:
            letters.append(((entry_id, fields), read(entry_id.decode(), fields)))
        except Refused as exc:
            refused.append(((entry_id, fields), str(exc)))
    refused += _accept(client, names, letters)
    for entry, reason in refused:
        _set_aside(client, names, entry, reason)
    return True


def read(entry_id: str, fields: Fields) -> Letter:
    """Understand an entry. Raises Refused."""
    missing = [name for name in (b"event", b"to", b"data") if name not in fields]
    if missing:
        raise Refused(f"missing: {b', '.join(missing).decode()}")
    try:
        name, receiver = fields[b"event"].decode(), fields[b"to"].decode()
        key = fields[b"id"].decode() if b"id" in fields else None
    except UnicodeDecodeError as exc:
        raise Refused("a field is not UTF-8") from exc
    event = EVENTS.declared(name)
    assert event is not None  # the marketplace declares some
    room = EVENTS.room(event, receiver)
    check_data(fields[b"data"])
    if key is not None:
        check_id(key)
    try:
        payload = event.of(orjson.loads(fields[b"data"])).wire()
    except orjson.JSONDecodeError as exc:
        raise Refused(f"data is not JSON: {exc}") from exc
    except InvalidEvent as exc:
        raise Refused(exc.message) from exc
    # Two kinds of keys that cannot meet: a sender's own, and the stream's.
    return Letter(f"id:{key}" if key else f"entry:{entry_id}", room, name, payload)


def _accept(
    client: Redis, names: Broker, letters: Sequence[tuple[Entry, Letter]]
) -> list[tuple[Entry, str]]:
    """Journal the letters, then take them out of the stream. Returns what the database cannot
    hold, with the reason."""
    if not letters:
        return []
    try:
        with transaction() as session:
            new = _journal(session, [letter for _, letter in letters])
    except Exception as exc:
        if not _may_be_an_entrys(exc):
            raise
        if len(letters) > 1:  # alone it is refused, the others go on
            return [refused for letter in letters for refused in _accept(client, names, [letter])]
        if not _takes_others():
            raise
        return [(letters[0][0], str(getattr(exc, "orig", None) or exc))]
    client.xdel(names.inbox, *(entry_id for (entry_id, _), _ in letters))
    INBOX_ACCEPTED.inc(new)
    logger.info("inbox drained", extra={"count": new, "repeated": len(letters) - new})
    return []


def _may_be_an_entrys(error: Exception) -> bool:
    """Whether the database, or its driver, may have failed for what is in one entry: a character
    that it cannot hold, a value out of range, a constraint. Never for one that is away or busy."""
    if isinstance(error, OperationalError):
        return str(getattr(error.orig, "sqlstate", "")).startswith(TOO_LARGE)
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError | ProgrammingError | NotSupportedError)
    return isinstance(error, StatementError | ValueError | TypeError | OverflowError)


def _takes_others() -> bool:
    """Whether the database journals an entry in which nothing is special: then it is not the one
    that is broken. Nothing of it stays."""
    probe = Letter(f"probe:{uuid4()}", EVENTS.room(Notification, "probe"), Notification.event, {})
    try:
        with transaction() as session:
            nested = session.begin_nested()
            _journal(session, [probe])
            session.flush()
            nested.rollback()
    except SQLAlchemyError:
        return False
    return True


def _journal(session: Session, letters: Sequence[Letter]) -> int:
    """Append those whose key is not there yet, in their order. Returns how many."""
    # In the stream's order in one statement: a second worker waits at the first key that both
    # have, and goes on with what the first one did not.
    claim = upsert(session.get_bind(), InboxId).on_conflict_do_nothing().returning(InboxId.id)
    rows = [{"id": letter.key, "created_at": now()} for letter in letters]
    claimed = set(session.scalars(claim.values(rows)))
    new = len(claimed)
    journal: Journal = current_app.extensions["ordercast"].journal
    for letter in letters:
        if letter.key in claimed:
            claimed.remove(letter.key)
            journal.append(session, letter.room, letter.event, letter.payload)
    return new


def _set_aside(client: Redis, names: Broker, entry: Entry, reason: str) -> None:
    entry_id, fields = entry
    kept = [part for field in islice(fields.items(), FIELDS_KEPT) for part in field]
    kept += [b"entry", entry_id, b"reason", reason[:MAX_REASON].encode(errors="backslashreplace")]
    taken = client.eval(SET_ASIDE, 2, names.inbox, names.refused, entry_id, REFUSED_KEPT, *kept)
    if taken:
        INBOX_REFUSED.inc()
        logger.error("inbox entry refused", extra={"entry": entry_id.decode(), "reason": reason})
