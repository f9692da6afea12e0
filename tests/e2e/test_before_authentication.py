"""What happens while a connect handler is still at work: nothing reaches its client, and nothing
that happens meanwhile is forgotten.

The handler is held up for real: a lock on the table of revocations makes its read wait. The process
itself reads the table while somebody is connected, and each handler waits for that read.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.harness.clients.raw import (
    CLOSE,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    introduce,
    raw_polling,
    raw_websocket,
)
from tests.harness.clients.stock import StockClient
from tests.harness.faults.tables import locked, wait_for_held
from tests.harness.people.person import Person, claim, notify
from tests.harness.processes.external import run_script
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
pytestmark = pytest.mark.parametrize("service", ["postgres"], indirect=True)

REVOKED = {"message": "Invalid token", "data": {"code": "token_revoked"}}


@contextmanager
def revocations_locked(service: Service) -> Iterator[psycopg.Connection]:
    """Each connect waits until this block ends, behind the look at the table that the process
    takes while somebody is connected. Yields the lock's transaction."""
    with locked(service, "ordercast_revocations") as holder:
        wait_for_held(service, "ordercast_revocations")
        yield holder


def journal_revocation(connection: psycopg.Connection, jti: str) -> None:
    message = {"kind": "token", "value": jti, "at": datetime.now(UTC).isoformat()}
    connection.execute(
        "INSERT INTO ordercast_events (room, name, data, created_at)"
        " VALUES ('control', 'revoked', %s, now())",
        [json.dumps(message)],
    )


def emit_notification(service: Service, receiver: Person) -> None:
    """By the command: over HTTP the token of whoever asks would wait for the lock as well."""
    note = '{"title": "Hello", "message": "You", "type": "info"}'
    done = service.flask("emit", "notification", "--user", receiver.id, "--data", note)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def watcher(service: Service, alice: Person, stock_client: NODE) -> StockClient:
    watcher = stock_client(service.url, alice.token)
    watcher.wait("connect")
    return watcher


@pytest.mark.parametrize("transport", [raw_websocket, raw_polling])
def test_nothing_reaches_a_client_before_its_token_is_verified(
    service: Service, alice: Person, watcher: StockClient, transport: Any
) -> None:
    redis_url, room = service.env["REDIS_URL"], f"user:{alice.id}"
    with (
        raw_websocket(service.url) as silent,
        transport(service.url) as raw,
    ):
        with revocations_locked(service):
            raw.say(introduce(alice.token))

            run_script(
                redis_url,
                "socketio.emit('to-all', 1)",
                f"socketio.emit('to-room', 2, to='{room}')",
            )
            emit_notification(service, alice)

            # The watcher is in the same process: what it got was sent to everyone there.
            watcher.wait_event("notification")
            assert watcher.names() == ["to-all", "to-room", "notification"]

        assert "sid" in raw.hear_json(CONNECT)
        run_script(redis_url, "socketio.emit('after', 3)")
        assert raw.hear_json(EVENT) == ["after", 3]
        silent.say(CONNECT)
        assert silent.hear_json(CONNECT_ERROR) == {"message": "Authentication required"}
        raw.say(DISCONNECT)


@pytest.mark.parametrize("known_by", ["the table", "the journal"])
def test_a_revocation_that_commits_during_the_connect_refuses_it(
    service: Service,
    alice: Person,
    person: Callable[..., Person],
    stock_client: NODE,
    known_by: str,
) -> None:
    """The check reads the table before the commit or after it. Before: only the journal's event
    can tell, and it finds the connection registered already."""
    witness = person("customer")
    watcher = stock_client(service.url, witness.token)
    watcher.wait("connect")
    jti = claim(alice.token, "jti")
    with raw_websocket(service.url) as raw:
        with revocations_locked(service) as holder:
            raw.say(introduce(alice.token))
            if known_by == "the table":
                holder.execute(
                    "INSERT INTO ordercast_revocations (kind, value, revoked_at)"
                    " VALUES ('token', %s, now())",
                    [jti],
                )
                journal_revocation(holder, jti)
            else:
                with psycopg.connect(service.env["DATABASE_URL"]) as connection:
                    journal_revocation(connection, jti)
                emit_notification(service, witness)
                watcher.wait_event("notification")  # the event before this one was fanned out too

        assert raw.hear_json(CONNECT_ERROR) == REVOKED
    watcher.tell(disconnect=True)
    service.wait_for_connections(0)


def test_a_revoke_at_the_same_moment_leaves_nobody_connected(
    service: Service, alice: Person, person: Callable[..., Person], stock_client: NODE
) -> None:
    """The check and the revocation wait for the same lock; whichever gets it first."""
    witness = stock_client(service.url, person("customer").token)
    witness.wait("connect")
    with raw_websocket(service.url) as raw, ThreadPoolExecutor() as pool:
        with revocations_locked(service):
            raw.say(introduce(alice.token))
            revoke = pool.submit(service.flask, "revoke", "--token", claim(alice.token, "jti"))
            wait_for_held(service, "ordercast_revocations", 2)

        heard = raw.hear()
        if heard.startswith(CONNECT_ERROR):
            assert "token_revoked" in heard
        else:
            assert heard.startswith(CONNECT)
            assert raw.hear() == DISCONNECT
        assert revoke.result().returncode == 0
    service.wait_for_connections(1)
    witness.tell(disconnect=True)
    service.wait_for_connections(0)


@pytest.mark.parametrize("last_words", [[CLOSE], [DISCONNECT, CLOSE]])
def test_a_client_that_leaves_during_its_connect_does_not_stay(
    service: Service, alice: Person, watcher: StockClient, last_words: list[str]
) -> None:
    """Engine.IO tells of a client's end once, and this one ends before it is connected."""
    with raw_polling(service.url) as polling, revocations_locked(service):
        for packet in (introduce(alice.token), *last_words):
            polling.say(packet)

    wait_until_only_this_one_is_left(service, alice, watcher)


def test_a_client_that_is_cut_during_its_connect_does_not_stay(
    service: Service, alice: Person, watcher: StockClient
) -> None:
    # Its close frame is not answered while the handler is held: TCP is closed at once.
    with revocations_locked(service), raw_websocket(service.url, close_timeout=0) as raw:
        raw.say(introduce(alice.token))

    wait_until_only_this_one_is_left(service, alice, watcher)


def wait_until_only_this_one_is_left(service: Service, alice: Person, watcher: StockClient) -> None:
    """Of this user; and it still gets everything."""
    service.wait_for_connections(1)
    run_script(service.env["REDIS_URL"], f"socketio.emit('later', 1, to='user:{alice.id}')")
    notify(service.url, alice.id)
    watcher.wait_event("notification")
    assert watcher.names() == ["later", "notification"]
    assert service.web is not None
    web = service.web

    def everyone_but_the_watcher_left() -> bool:
        came = {line["sid"] for line in web.logged("connected", user=alice.id)}
        left = {line["sid"] for line in web.logged("disconnected", user=alice.id)}
        return came - left == {watcher.wait("connect")["sid"]}

    wait_until(everyone_but_the_watcher_left, "each that came is said to have left")
