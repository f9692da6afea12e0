"""A connect that is held up while it reads what its client missed, and what happens meanwhile.

It is held up for real: the client missed more than the web process remembers, and the table of
events is locked. The worker is stopped, and the test is the sequencer: it adds events with their
positions in the lock's transaction, and publishes them. The head commits right after that and not
before, or the web process would see it and wait for the lock, to read what it has not heard of.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import pytest

from ordercast.broker import Broker
from tests.harness.clients.raw import CONNECT, CONNECT_ERROR, EVENT
from tests.harness.clients.recovering import RecoveringClient
from tests.harness.faults.tables import locked, wait_for_held
from tests.harness.people.person import claim, signed
from tests.harness.processes.external import run_script
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

ROOM = "user:7"
MANY = 10_050  # events of 4 KB, more than a web process remembers


@dataclass
class Sequencer:
    service: Service
    added: list[list[Any]] = field(default_factory=list)  # and not published

    def add(self, transaction: psycopg.Connection, *events: tuple[str, str, Any]) -> None:
        """(room, name, data) with the next positions, in this transaction."""
        head, _ = self._head()
        for position, (room, name, data) in enumerate(events, start=head + 1):
            event = [position, room, name, json.dumps(data)]
            transaction.execute(
                "INSERT INTO ordercast_events (position, room, name, data, created_at)"
                " VALUES (%s, %s, %s, %s, now())",
                event,
            )
            self.added.append(event)

    def publish(self) -> None:
        """Return when the web process has fanned out what was added."""
        (_, journal), head = self._head(), self.added[-1][0]
        message = {"journal": journal, "head": head, "events": self.added, "further": []}
        broker = Broker(self.service.env["REDIS_URL"])
        with broker.connect() as client:
            client.publish(broker.journal_channel, orjson.dumps(message))
        self.wait_for(head)
        self.move_head(len(self.added))

    def move_head(self, count: int) -> None:
        with psycopg.connect(self.service.env["DATABASE_URL"]) as connection:
            connection.execute("UPDATE ordercast_head SET position = position + %s", [count])
        self.added.clear()

    def wait_for(self, position: int) -> None:
        wait_until(
            lambda: self.service.metric("ordercast_follower_position") == position,
            f"the web process is at {position}",
        )

    def _head(self) -> tuple[int, str]:
        """The position that is committed, and the journal's name."""
        with psycopg.connect(self.service.env["DATABASE_URL"]) as connection:
            row = connection.execute("SELECT position, journal FROM ordercast_head").fetchone()
        assert row is not None
        return row[0], row[1]


@pytest.fixture
def sequencer(own_service: Callable[..., Service]) -> Sequencer:
    service = own_service("postgres")
    assert service.worker is not None
    service.worker.stop()
    return Sequencer(service)


@pytest.fixture
def client(sequencer: Sequencer) -> RecoveringClient:
    """It connected before the first event, and has missed two of its own among many others."""
    service = sequencer.service
    client = RecoveringClient(service.url, signed(sub="7"))
    with client.opened():
        client.read()
    with psycopg.connect(service.env["DATABASE_URL"]) as transaction:
        sequencer.add(transaction, (ROOM, "test", 1), (ROOM, "test", 2))
        transaction.execute(
            "INSERT INTO ordercast_events (position, room, name, data, created_at)"
            " SELECT 2 + n, 'user:0' || n %% 50, 'test', to_json(repeat('x', 4000))::text, now()"
            " FROM generate_series(1, %s) AS n",
            [MANY],
        )
    sequencer.move_head(MANY + 2)
    sequencer.wait_for(MANY + 2)  # Redis was silent: it read the journal
    return client


def test_what_is_fanned_out_meanwhile_comes_after_the_replay(
    sequencer: Sequencer, client: RecoveringClient
) -> None:
    """The race: the client is in its rooms, not yet connected, and events for it are fanned out,
    durable ones and one of a stock script."""
    service = sequencer.service
    with ExitStack() as connection:
        with locked(service, "ordercast_entries") as transaction:
            connection.enter_context(client.opened())
            wait_for_held(service, "ordercast_entries")
            sequencer.add(transaction, (ROOM, "test", 3))
            sequencer.publish()
            run_script(service.env["REDIS_URL"], f"socketio.emit('hello', 'you', to='{ROOM}')")
            sequencer.add(transaction, (ROOM, "test", 4))
            sequencer.publish()
        client.read(6)

    assert [packet[:2] for packet in client.heard] == [CONNECT] + [EVENT] * 5
    assert client.recovered
    assert client.events == [
        ("test", [1, "1"]),
        ("test", [2, "2"]),
        ("test", [3, str(MANY + 3)]),
        ("hello", ["you", str(MANY + 3)]),
        ("test", [4, str(MANY + 4)]),
    ]


def test_a_revocation_that_arrives_meanwhile_refuses_it(
    sequencer: Sequencer, client: RecoveringClient
) -> None:
    """The race: the token was good when it was checked; by the time the client could be told that
    it is connected it no longer is."""
    service, jti = sequencer.service, claim(client.token, "jti")
    with ExitStack() as connection:
        with locked(service, "ordercast_entries") as transaction:
            connection.enter_context(client.opened())
            wait_for_held(service, "ordercast_entries")
            transaction.execute(
                "INSERT INTO ordercast_revocations (kind, value, revoked_at)"
                " VALUES ('token', %s, now())",
                [jti],
            )
            message = {"kind": "token", "value": jti, "at": datetime.now(UTC).isoformat()}
            sequencer.add(transaction, ("control", "revoked", message), (ROOM, "test", 3))
            sequencer.publish()
        client.read()

    [refusal] = client.heard
    assert json.loads(refusal.removeprefix(CONNECT_ERROR)) == {
        "message": "Invalid token",
        "data": {"code": "token_revoked"},
    }
