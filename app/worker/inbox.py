"""Draining the inbox: from the Redis stream into the journal.

At least once in: an entry is acknowledged only after the transaction that journalled it has
committed, and one that a dead worker had taken is claimed by another. Exactly once out: the same
transaction keeps the entry's id, so a repeat finds itself there already.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import redis
from pydantic import ValidationError
from sqlalchemy import String
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import broker, journal
from app.db import Base, UtcDateTime, db, now, transaction
from app.emitters import InvalidEvent
from app.events import EVENTS, Event
from app.inbox import GROUP, MAX_BYTES, MAX_ID, REFUSED, STREAM
from app.metrics import INBOX_ACCEPTED, INBOX_REFUSED

logger = logging.getLogger(__name__)

BATCH = 100  # entries in one step
CLAIM_MS = 5_000  # an entry that its worker did not finish in this time is taken over
REFUSED_KEPT = 1000  # entries, about
MAX_RECEIVER = 200  # characters

BY_NAME: dict[str, type[Event]] = {event.event: event for event in EVENTS}
Entry = tuple[bytes, dict[bytes, bytes]]  # (stream id, fields)


class InboxId(Base):
    """The ids that were accepted; kept as long as a repeat is recognised."""

    __tablename__ = "inbox_ids"

    id: Mapped[str] = mapped_column(String(MAX_ID + 8), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


class Refused(Exception):
    """An entry that can never be accepted; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An entry that has been understood."""

    key: str  # what makes it unique: the sender's id, or the stream's
    room: str
    event: str
    payload: dict[str, object]


def drain_once(client: broker.Redis, consumer: str, *, block_ms: int | None = None) -> bool:
    """Move a batch of entries into the journal. Returns whether there may be more; with `block_ms`
    it waits so long for a first one, and then there may always be.

    Raises redis.RedisError, or SQLAlchemyError: then nothing was acknowledged, and the entries are
    taken again.
    """
    entries = _take(client, consumer, block_ms)
    if not entries:
        return block_ms is not None
    letters: list[tuple[bytes, Letter]] = []
    for entry_id, fields in entries:
        try:
            letters.append((entry_id, read(entry_id.decode(), fields)))
        except Refused as exc:
            _set_aside(client, entry_id, fields, str(exc))
    _accept(client, letters, dict(entries))
    return True


def read(entry_id: str, fields: dict[bytes, bytes]) -> Letter:
    """Understand an entry. Raises Refused."""
    missing = [name for name in (b"event", b"to", b"data") if name not in fields]
    if missing:
        raise Refused(f"missing: {b', '.join(missing).decode()}")
    if len(fields[b"data"]) > MAX_BYTES:
        raise Refused(f"data is larger than {MAX_BYTES} bytes")
    try:
        name, receiver = fields[b"event"].decode(), fields[b"to"].decode()
        key = fields[b"id"].decode() if b"id" in fields else None
    except UnicodeDecodeError as exc:
        raise Refused("a field is not UTF-8") from exc
    event = BY_NAME.get(name)
    if event is None:
        raise Refused(f"no such event: {name[:100]!r}; one of {', '.join(BY_NAME)}")
    if not (0 < len(receiver) <= MAX_RECEIVER and receiver.isprintable()):
        raise Refused(f"`to` is the receiver's id: 1 to {MAX_RECEIVER} printable characters")
    if key is not None and not (0 < len(key) <= MAX_ID and key.isprintable()):
        raise Refused(f"`id` has 1 to {MAX_ID} printable characters")
    try:
        payload = event.model_validate(orjson.loads(fields[b"data"])).wire()
    except orjson.JSONDecodeError as exc:
        raise Refused(f"data is not JSON: {exc}") from exc
    except ValidationError as exc:
        raise Refused(str(InvalidEvent(event, exc))) from exc
    # Two kinds of keys that cannot meet: a sender's own, and the stream's.
    return Letter(f"id:{key}" if key else f"entry:{entry_id}", event.room(receiver), name, payload)


def _take(client: broker.Redis, consumer: str, block_ms: int | None) -> Sequence[Entry]:
    """What this worker has not finished, else what a dead one left behind, else what is new."""
    found: Any
    try:
        found = client.xreadgroup(GROUP, consumer, {STREAM: "0"}, count=BATCH)
        if found and found[0][1]:
            return _present(client, found[0][1])
        _, left, *_ = client.xautoclaim(STREAM, GROUP, consumer, CLAIM_MS, count=BATCH)
        if left:
            logger.info("inbox entries taken over", extra={"count": len(left)})
            return _present(client, left)
        found = client.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=BATCH, block=block_ms)
    except redis.ResponseError as exc:
        if not str(exc).startswith("NOGROUP"):
            raise
        # First use, or Redis lost its data: from the beginning of what is there.
        client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        return []
    return found[0][1] if found else []


def _present(client: broker.Redis, entries: Sequence[Any]) -> Sequence[Entry]:
    """The entries without those that somebody deleted after they were taken."""
    gone = [entry_id for entry_id, fields in entries if entry_id and not fields]
    if gone:
        logger.warning("inbox entries were deleted by hand", extra={"count": len(gone)})
        client.xack(STREAM, GROUP, *gone)
    return [(entry_id, fields) for entry_id, fields in entries if fields]


def _accept(
    client: broker.Redis,
    letters: Sequence[tuple[bytes, Letter]],
    fields: dict[bytes, dict[bytes, bytes]],
) -> None:
    if not letters:
        return
    try:
        with transaction() as session:
            new = sum(_journal(session, letter) for _, letter in letters)
    except DataError as exc:
        # Something the database cannot hold: alone it is refused, the others go on.
        if len(letters) == 1:
            _set_aside(client, letters[0][0], fields[letters[0][0]], str(exc.orig))
            return
        for one in letters:
            _accept(client, [one], fields)
        return
    INBOX_ACCEPTED.inc(new)
    logger.info("inbox drained", extra={"count": new, "repeated": len(letters) - new})
    _finish(client, [entry_id for entry_id, _ in letters])


def _journal(session: Session, letter: Letter) -> bool:
    """Append the event, unless its key is already there. Returns whether it did."""
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    claimed = session.execute(
        insert(InboxId)
        .values(id=letter.key, created_at=now())
        .on_conflict_do_nothing()
        .returning(InboxId.id)
    ).first()
    if claimed:
        journal.append(letter.room, letter.event, letter.payload)
    return claimed is not None


def _set_aside(
    client: broker.Redis, entry_id: bytes, fields: dict[bytes, bytes], reason: str
) -> None:
    INBOX_REFUSED.inc()
    logger.error("inbox entry refused", extra={"entry": entry_id.decode(), "reason": reason})
    kept = {**fields, b"reason": reason.encode(), b"entry": entry_id}
    client.xadd(REFUSED, kept, maxlen=REFUSED_KEPT, approximate=True)  # type: ignore[arg-type]
    _finish(client, [entry_id])


def _finish(client: broker.Redis, entry_ids: Sequence[bytes]) -> None:
    with client.pipeline(transaction=True) as pipeline:
        pipeline.xack(STREAM, GROUP, *entry_ids)
        pipeline.xdel(STREAM, *entry_ids)
        pipeline.execute()
