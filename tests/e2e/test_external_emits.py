"""Emitting from outside: legacy scripts over the stock queue, and the `flask emit` command."""

import json
import pickle
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from ordercast.live.queue import PICKLED
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person
from tests.harness.processes.external import run_script
from tests.harness.processes.service import Service

NODE = Callable[..., StockClient]
NOTE = {"title": "Hello", "message": "You", "type": "info"}
ORDER = {
    "id": "3",
    "orderNumber": "OC-00000003",
    "status": "pending",
    "user": {"id": "7", "name": "Alice"},
    "seller": {"id": "8", "name": "Bob"},
    "items": [{"productId": "1", "name": "Tea", "quantity": 2, "unitPriceCents": 250}],
    "totalCents": 500,
    "currency": "EUR",
    "version": 1,
    "createdAt": "2026-01-02T03:04:05Z",
    "updatedAt": "2026-01-02T03:04:05Z",
    "expiresAt": "2026-01-02T03:34:05Z",
}


def flask_emit(
    service: Service, event: str, receiver: str, payload: Any
) -> subprocess.CompletedProcess[str]:
    data = payload if isinstance(payload, str) else json.dumps(payload)
    return service.flask("emit", event, "--user", receiver, "--data", data)


def both(service: Service, person: Person, stock_client: NODE) -> list[StockClient]:
    """The same user on a websocket and on long-polling."""
    transports = (["websocket"], ["polling"])
    clients = [stock_client(service.url, person.token, transports=each) for each in transports]
    for client in clients:
        client.wait("connect")
    return clients


def test_half_an_emoji_of_a_stock_script_arrives(
    service: Service, alice: Person, stock_client: NODE
) -> None:
    """A title that was cut after 20 UTF-16 units. Node prints the half as its escape."""
    clients = both(service, alice, stock_client)
    run_script(
        service.env["REDIS_URL"],
        f"socketio.emit('half', {{'title': 'tea \\ud83d'}}, to='user:{alice.id}')",
    )
    for client in clients:
        assert client.wait_event("half") == [{"title": "tea \ud83d"}]


def test_a_stock_script_reaches_a_room_and_everyone(
    service: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    clients = both(service, alice, stock_client)
    seller = stock_client(service.url, bob.token)
    seller.wait("connect")

    run_script(
        service.env["REDIS_URL"],
        f"socketio.emit('notification', {NOTE}, to='user:{alice.id}')",
        "socketio.emit('several', ('arguments', 2, None))",
    )

    for client in clients:
        client.wait_event("several")
        assert client.events() == [[NOTE], ["arguments", 2, None]]
    seller.wait_event("several")
    assert seller.names() == ["several"]
    clients[1].tell(disconnect=True)


def test_a_stock_script_sends_bytes_over_both_transports(
    service: Service, alice: Person, stock_client: NODE
) -> None:
    """One packet for all: encoded for one transport, it must not reach the other like that."""
    clients = both(service, alice, stock_client) + both(service, alice, stock_client)[::-1]

    run_script(
        service.env["REDIS_URL"],
        f"socketio.emit('label', {{'pdf': b'%PDF\\x00\\xff'}}, to='user:{alice.id}')",
        f"socketio.emit('notification', {NOTE}, to='user:{alice.id}')",
    )

    for client in clients:
        client.wait_event("notification")
        assert client.events() == [[{"pdf": {"bytes": b"%PDF\x00\xff".hex()}}], [NOTE]]
        assert not client.all("disconnect")
        client.tell(disconnect=True)


GARBAGE = (
    b"\xff\xfe",
    b"not json",
    b"[]",
    b"5",
    b'{"method": "explode"}',
    b'{"method": []}',
    b'{"method": "emit"}',
    b'{"method": "emit", "event": "half", "data": 1, "binary": true, "namespace": "/"}',
    b'{"method": "emit", "event": "nan", "data": [NaN], "namespace": "/"}',
    b'{"method": "emit", "event": "disconnect", "data": ["reserved"], "namespace": "/"}',
    b'{"method": "emit", "event": null, "data": ["nameless"], "namespace": "/"}',
    b'{"method": "emit", "event": "odd", "data": [1], "room": {}, "namespace": "/"}',
    b'{"method": "disconnect"}',
    b'{"method": "disconnect", "sid": "nobody", "namespace": "/"}',
    b'{"method": "enter_room", "sid": "nobody", "room": "user:1", "namespace": "/"}',
    b'{"method": "close_room", "namespace": "/"}',
    b'{"method": "callback"}',
    b"[" * 100_000,
    pickle.dumps({"method": "emit", "event": "pickled", "data": [1], "namespace": "/"}),
)


def test_garbage_on_the_channel_is_logged_and_harms_nobody(
    service: Service, alice: Person, stock_client: NODE
) -> None:
    clients = both(service, alice, stock_client)
    assert service.web is not None
    warned = ("queue message makes no sense", "queue message of unknown method", PICKLED)

    with redis.Redis.from_url(service.env["REDIS_URL"]) as channel:
        for message in GARBAGE:
            channel.publish("flask-socketio", message)
            channel.publish("ordercast:0:journal", message)
    run_script(
        service.env["REDIS_URL"],
        f"socketio.emit('notification', {NOTE}, to='user:{alice.id}')",
    )

    for client in clients:
        client.wait_event("notification")
        assert client.events() == [[NOTE]]
        assert not client.all("disconnect")
        client.tell(disconnect=True)
    assert all(service.web.logged(message) for message in warned)


def test_the_emit_command_is_durable(
    service: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    customer = stock_client(service.url, alice.token)
    seller = stock_client(service.url, bob.token)
    customer.wait("connect")
    seller.wait("connect")
    status = {"id": "3", "orderNumber": "OC-00000003", "status": "shipped"}
    low = {"id": "1", "name": "Tea", "stock": 2}

    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(flask_emit, service, *arguments)
            for arguments in (
                ("order-status", alice.id, {**status, "more": "than declared"}),
                ("notification", alice.id, NOTE),
                ("order-placed", alice.id, ORDER),
                ("order-new", bob.id, ORDER),
                ("low-stock", bob.id, low),
            )
        ]
        assert [(one.result().returncode, one.result().stdout) for one in done] == [
            (0, "accepted\n")
        ] * 5

    customer.wait("event", 3)
    seller.wait("event", 2)
    received = {
        line["event"]: line["args"][0] for line in customer.all("event") + seller.all("event")
    }
    assert received == {
        "order:status": status,
        "notification": NOTE,
        "order:placed": ORDER,
        "order:new": ORDER,
        "inventory:low-stock": low,
    }
    offsets = customer.offsets() + seller.offsets()
    assert len(set(offsets)) == 5
    missed = alice.get(f"/api/events?after={min(offsets) - 1}")["events"]
    assert [int(event["offset"]) for event in missed] == customer.offsets()


@pytest.mark.parametrize("service", ["sqlite"], indirect=True)
def test_the_emit_command_refuses_what_is_not_declared(
    service: Service, alice: Person, stock_client: NODE
) -> None:
    client = stock_client(service.url, alice.token)
    client.wait("connect")
    bad = (
        ("notification", alice.id, "{", "malformed_json"),
        ("notification", alice.id, "[]", "invalid_event"),
        ("order-status", alice.id, {"id": "3", "orderNumber": "x"}, "invalid_event"),
        ("order-new", alice.id, {**ORDER, "createdAt": "yesterday"}, "invalid_event"),
        ("notification", f"seller:{alice.id}", NOTE, "refused_event"),
        ("notification", "control", NOTE, "refused_event"),
    )

    with ThreadPoolExecutor(2) as pool:
        done = [
            (code, pool.submit(flask_emit, service, event, receiver, payload))
            for event, receiver, payload, code in bad
        ]
        for code, future in done:
            result = future.result()
            assert result.returncode == 1
            assert result.stdout == ""
            assert result.stderr.startswith(f"{code}: ")
            assert len(result.stderr.splitlines()) == 1

    assert flask_emit(service, "notification", alice.id, NOTE).returncode == 0
    assert flask_emit(service, "notification", f"user:{alice.id}", NOTE).returncode == 0
    client.wait_event("notification", 2)
    assert [payload for payload, _ in client.events()] == [NOTE, NOTE]
