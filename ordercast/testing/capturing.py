"""What an application sends, by room, without Redis, a worker or a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, StaticPool, inspect
from sqlalchemy.orm import Session

from ordercast import migrations
from ordercast.captures import CapturedEvent
from ordercast.events import CONTROL_ROOM, EVERYBODY
from ordercast.journal.tables import EVENTS
from ordercast.service import EXTENSION, Service
from ordercast.testing.transactions import Transactions

if TYPE_CHECKING:
    from flask import Flask


class Sent:
    """The events of `capture`, read at each use: those that are sent by now, in their order. A
    transaction that is not committed has sent nothing.

    sent["user:7"]              [(name, payload), ...] of one room; None: emitted to everybody
    sent.rooms                  the rooms with an event, each once
    sent.events                 [CapturedEvent(name, payload, rooms, durable, key, namespace), ...]
    sent.durable                the same of the durable events alone: sent.durable["user:7"]
    sent.ephemeral              and of stock emits, at most once
    """

    def __init__(self, read: Callable[[], list[CapturedEvent]]) -> None:
        self._read = read

    @property
    def events(self) -> list[CapturedEvent]:
        return self._read()

    @property
    def rooms(self) -> list[str | None]:
        return list(dict.fromkeys(room for event in self.events for room in event.rooms))

    @property
    def durable(self) -> Sent:
        return Sent(lambda: [event for event in self._read() if event.durable])

    @property
    def ephemeral(self) -> Sent:
        return Sent(lambda: [event for event in self._read() if not event.durable])

    def __getitem__(self, room: str | None) -> list[tuple[str, Any]]:
        return [(event.name, event.payload) for event in self.events if room in event.rooms]

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[CapturedEvent]:
        return iter(self.events)

    def __repr__(self) -> str:
        return f"Sent({self.events!r})"


class _Recorder:
    """ordercast.captures.Capture, of one `capture` block."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._ids: set[str] = set()

    def appended(
        self, event: CapturedEvent, connection: Connection, session: Session | None
    ) -> None:
        if CONTROL_ROOM not in event.rooms:  # for the web processes, and no client
            self._transactions.add(_for_readers(event), connection, session)

    def emitted(self, event: CapturedEvent) -> None:
        if event.id is not None and event.id in self._ids:
            return
        self._ids.add(event.id or "")
        self._transactions.add_sent(_for_readers(event))


def _for_readers(event: CapturedEvent) -> CapturedEvent:
    """The journal's room of everybody is None, as in an emit."""
    if not event.durable or EVERYBODY not in event.rooms:
        return event
    return replace(event, rooms=tuple(None if room == EVERYBODY else room for room in event.rooms))


@contextmanager
def capture(app: Flask) -> Iterator[Sent]:
    """Capture what the application sends in the block, in any thread:

    with capture(app) as sent:
        client.post("/parcels/7/ramp")
    assert sent["depot:north"] == [("parcel:moved", {"id": "7", "place": "ramp"})]

    Durable events are written to the database as ever, whose tables are created if there are
    none, and are captured when their transaction commits: a rollback leaves nothing. Nothing goes
    to Redis. Blocks may be nested: an event is in each that is open.

    Raises RuntimeError for an application without Ordercast; SQLAlchemyError.
    """
    service = app.extensions.get(EXTENSION)
    if service is None:
        raise RuntimeError("capture(app): cast.init_app(app, ...) comes first")
    _create_tables(service)
    transactions = Transactions()
    recorder = _Recorder(transactions)
    with transactions.followed():
        service.captures.open(recorder)
        try:
            yield Sent(transactions.sent)
        finally:
            service.captures.close(recorder)


def _create_tables(service: Service) -> None:
    """Create the library's tables where there are none, as in a database in memory."""
    engine = service.database.engine
    is_single = isinstance(engine.pool, StaticPool)  # a connection of ours ends the test's own
    if is_single and service.captures.has_tables:
        return
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if is_single and getattr(driver, "in_transaction", False):
            raise RuntimeError(
                "capture(app): a transaction is open on the only connection of the database,"
                " which has to get the tables ordercast_* first: commit it before"
            )
        has_tables = inspect(connection).has_table(EVENTS.name)
    if not has_tables:
        migrations.upgrade(engine)
    service.captures.found_tables()
