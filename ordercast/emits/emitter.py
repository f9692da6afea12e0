"""The emitter: a durable event with a transaction of its own."""

import logging
import threading
from collections.abc import Sequence
from typing import Any

import orjson
import redis
from sqlalchemy.exc import SQLAlchemyError

from ordercast.broker import Broker, reason
from ordercast.captures import CapturedEvent, Captures
from ordercast.database import Outage, explain, outage
from ordercast.database.apart import BUSY_SECONDS, Apart
from ordercast.database.sqlite import BUSY_SECONDS as PATIENT_SECONDS
from ordercast.errors import EventError, InboxUnavailable
from ordercast.inbox.claiming import claim, key_of
from ordercast.inbox.sender import add, check_id
from ordercast.journal import Journal
from ordercast.payloads import text_of

logger = logging.getLogger(__name__)
MAX_ASKING = 20  # threads that ask Redis at a time


class Emitter:
    """Writes each event into the journal. While the database takes none, because it is unavailable
    or, on SQLite, because the calling request has a write open itself, the event goes into the
    inbox, and so do those after it until the worker has drained that: the events of one thread keep
    their order. Only if Redis fails meanwhile may a later event be the first.
    """

    def __init__(
        self, database: Apart, broker: Broker, journal: Journal, captures: Captures
    ) -> None:
        self._database = database
        self._captures = captures
        self._journal = journal
        self._redis = broker.connect()
        self._stream = broker.inbox
        # Redis' client refuses to open more than 100 connections at the same moment.
        self._asking = threading.BoundedSemaphore(MAX_ASKING)
        self._lock = threading.Lock()  # guards `_last`
        self._last: bytes | None = None  # this process's newest entry of the inbox, until drained

    def emit(
        self,
        room: str,
        name: str,
        data: object,
        *,
        further: Sequence[str] = (),
        id: str | None = None,
        key: str | None = None,
    ) -> None:
        """Add an event of which the receivers are checked; with an `id`, once. `data`: a
        JsonText, or an object that is encoded here. `further`: its rooms besides the first. `key`:
        what it is about; the drain finds that out again.

        Returns when the database has committed the event, or Redis has it. Raises ValueError for
        data that is no JSON, Refused for an id that cannot be one, InboxUnavailable if neither took
        the event, and SQLAlchemyError if the database refuses it."""
        fields: dict[str, Any] = {"event": name, "room": room, "data": text_of(data)}
        if further:
            fields["further"] = list(further)
        if id is not None:
            check_id(id)
            fields["id"] = id
        if self._captures:
            payload = orjson.loads(fields["data"].text)
            captured = CapturedEvent(name, payload, (room, *further), durable=True, key=key, id=id)
            self._captures.emitted(captured)
            return
        if self._is_inbox_ahead():
            self._add(fields)
            return
        try:
            self._write(fields, BUSY_SECONDS, key)
        except SQLAlchemyError as exc:
            if outage(exc) is None:
                raise
            self._fall_back(fields, exc, key)

    def _write(self, fields: dict[str, Any], busy_seconds: float, key: str | None) -> None:
        with self._database.writing(busy_seconds=busy_seconds) as connection:
            if "id" in fields and not claim(connection, [key_of(fields["id"])]):
                return
            row = self._journal.append(
                connection,
                fields["room"],
                fields["event"],
                fields["data"],
                further=fields.get("further", ()),
                key=key,
            )
            # If COMMIT fails nobody knows whether it took place: the drain asks for this row.
            if "id" not in fields:
                fields["row"] = row

    def _fall_back(self, fields: dict[str, Any], error: SQLAlchemyError, key: str | None) -> None:
        kind, text = explain(error) or (Outage.UNAVAILABLE, str(error))
        try:
            self._add(fields)
        except EventError as exc:
            if kind is Outage.BUSY:
                # Another process may have the lock, and give it back.
                self._write(fields, PATIENT_SECONDS, key)
                return
            raise InboxUnavailable(
                f"the event {fields['event']!r} is not sent: the database is {kind.value}"
                f" ({text}), and {exc}"
            ) from error
        logger.warning("emits go through the inbox", extra={"reason": kind.value, "error": text})

    def _add(self, fields: dict[str, Any]) -> None:
        entry = {**fields, "data": fields["data"].text.encode()}
        if "further" in fields:
            entry["further"] = orjson.dumps(fields["further"])
        with self._asking:
            added = add(self._redis, self._stream, entry)
        with self._lock:
            if self._last is None or _number(added) > _number(self._last):
                self._last = added

    def _is_inbox_ahead(self) -> bool:
        """Whether an earlier event of this process still waits in the inbox."""
        last = self._last
        if last is None:
            return False
        try:
            with self._asking:
                waits = bool(self._redis.xrange(self._stream, last, last))
        except redis.RedisError as exc:
            extra = {"error": reason(exc)}
            logger.warning("an emit may overtake those in the inbox", extra=extra)
            return False
        if not waits:
            with self._lock:
                if self._last == last:
                    self._last = None
        return waits


def _number(entry: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition(b"-")
    return int(milliseconds), int(sequence)
