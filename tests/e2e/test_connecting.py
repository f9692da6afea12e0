"""Who may connect, what a refused client is told, and what a connected one gets."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.clients.raw import CLOSE, CONNECT, EVENT, introduce, raw_websocket
from tests.harness.clients.stock import VERSIONS, StockClient
from tests.harness.people.person import Person, claim, notify, signed
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
TRANSPORTS = (["websocket"], ["polling"], ["polling", "websocket"])


def made(service: Service, **options: str) -> str:
    """A token of `flask token`."""
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    done = service.flask("token", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refusals(service: Service, stock_client: NODE, auths: list[Any]) -> list[dict[str, Any]]:
    """What both versions of the stock client are told, for each auth and over both transports."""
    clients = [
        stock_client(
            service.url,
            version=version,
            auth=auth,
            transports=["websocket" if i % 2 else "polling"],
        )
        for i, auth in enumerate(auths)
        for version in VERSIONS
    ]
    told = [client.wait("connect_error") for client in clients]
    assert not any(client.all("connect") for client in clients)
    service.wait_for_connections(0)
    return [{key: value for key, value in one.items() if key != "at"} for one in told]


def refused(code: str) -> dict[str, Any]:
    """`active` false: the client does not come back by itself, it needs another token first."""
    return {
        "what": "connect_error",
        "message": "Invalid token",
        "data": {"code": code},
        "active": False,
    }


def test_without_a_token_authentication_is_required(service: Service, stock_client: NODE) -> None:
    told = refusals(service, stock_client, [{}, {"token": None}, {"token": ""}, {"Token": "x"}])

    required = {"what": "connect_error", "message": "Authentication required", "active": False}
    assert told == [required] * len(told)


def test_a_bad_token_is_invalid(service: Service, alice: Person, stock_client: NODE) -> None:
    bad = [
        "garbage",
        5,
        [alice.token],
        alice.refresh_token,
        signed(aud="another"),
        signed(token_use="id"),
        jwt.encode(jwt.decode(alice.token, options={"verify_signature": False}), "x" * 40),
        alice.token.rpartition(".")[0] + ".",
    ]

    told = refusals(service, stock_client, [{"token": token} for token in bad])

    assert told == [refused("token_invalid")] * len(told)


def test_an_expired_token_is_told_apart(service: Service, stock_client: NODE) -> None:
    token = made(service, sub="7", role="seller", seconds="1")
    wait_until(lambda: time.time() > claim(token, "exp"), "the token has expired")

    told = refusals(service, stock_client, [{"token": token}])

    assert told == [refused("token_expired")] * len(told)


def test_a_token_is_revoked_by_its_logout(
    service: Service, alice: Person, stock_client: NODE
) -> None:
    alice.post("/api/auth/logout")

    told = refusals(service, stock_client, [{"token": alice.token}])

    assert told == [refused("token_revoked")] * len(told)


def test_every_transport_delivers_each_event_once_and_in_order(
    service: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    tea = bob.offers(stock=100, lowStockThreshold=0)
    first = stock_client(service.url, bob.token, transports=["websocket"])
    first.wait("connect")
    orders = threading.Thread(target=lambda: [alice.orders(tea) for _ in range(60)])
    orders.start()

    # The others connect and upgrade while events are on their way: an event falls before or after
    # the connect, but never between the polling transport and the websocket that follows it.
    clients = [
        stock_client(service.url, bob.token, version=version, transports=transports)
        for version in VERSIONS
        for transports in TRANSPORTS
    ]
    for client in clients:
        client.wait("connect")
    orders.join()
    alice.orders(tea)

    first.wait_event("order:new", 61)
    expected = first.offsets()
    assert expected == sorted(set(expected))
    for client in clients:
        wait_until(
            partial(lambda one: expected[-1] in one.offsets(), client), "the last event arrived"
        )
        assert client.offsets() == expected[-len(client.offsets()) :]
        client.tell(disconnect=True)
    first.tell(disconnect=True)
    service.wait_for_connections(0)


def test_connects_and_disconnects_are_logged(
    service: Service, alice: Person, stock_client: NODE
) -> None:
    clients = [stock_client(service.url, alice.token, transports=each) for each in TRANSPORTS]
    sids = [client.wait("connect")["sid"] for client in clients]
    assert service.web is not None
    web = service.web

    # The third has upgraded once the server has taken it off polling: it says so when it leaves.
    wait_until(lambda: clients[2].all("upgrade"), "the third upgraded")
    clients[0].tell(disconnect=True)
    clients[1].tell(disconnect=True)
    clients[2].close()

    service.wait_for_connections(0)
    # The third may have upgraded by the time that it is let in.
    expected = ({"websocket"}, {"polling"}, {"polling", "websocket"})
    for sid, transports in zip(sids, expected, strict=True):
        (line,) = web.logged("connected", sid=sid)
        assert line["user"] == alice.id
        assert line["transport"] in transports
    gone = [wait_until(partial(web.logged, "disconnected", sid=sid), "logged") for sid in sids]
    assert [len(lines) for lines in gone] == [1, 1, 1]
    ends = [(line["user"], line["transport"], line["reason"]) for (line,) in gone]
    assert ends == [
        (alice.id, "websocket", "client disconnect"),
        (alice.id, "polling", "client disconnect"),
        (alice.id, "websocket", "transport close"),
    ]
    assert all(line["seconds"] >= 0 for (line,) in gone)


def test_a_token_needs_no_account_and_only_a_seller_hears_of_sales(
    service: Service, stock_client: NODE
) -> None:
    seller = stock_client(service.url, made(service, sub="7007", role="seller"))
    customer = stock_client(service.url, made(service, sub="7007", role="customer"))
    seller.wait("connect")
    customer.wait("connect")

    low = '{"id": "1", "name": "Tea", "stock": 2}'
    assert service.flask("emit", "low-stock", "--seller", "7007", "--data", low).returncode == 0
    notify(service.url, "7007")

    # The notification has the higher offset: what is not there before it never comes.
    customer.wait_event("notification")
    seller.wait_event("notification")
    assert customer.names() == ["notification"]
    assert seller.names() == ["inventory:low-stock", "notification"]


def test_two_instances_deliver_to_their_clients(
    service: Service, other: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    clients = [stock_client(each.url, bob.token) for each in (service, other)]
    for client in clients:
        client.wait("connect")
    tea = bob.offers(stock=10, lowStockThreshold=0)
    there = alice.elsewhere(other.url)

    placed = [buyer.orders(tea) for buyer in (alice, there) * 3]

    for client in clients:
        client.wait_event("order:new", 6)
        assert [payload for payload, _ in client.events()] == placed
    assert clients[0].offsets() == clients[1].offsets() == sorted(clients[0].offsets())


@pytest.mark.parametrize("name", ["connect", "disconnect"])
def test_a_client_cannot_pretend_a_connect_or_a_disconnect(
    service: Service, alice: Person, stock_client: NODE, name: str
) -> None:
    """No stock client sends an event by the name that the server uses for itself: it is closed as
    for any malformed packet, and its connection is off the list that a logout goes by only then."""
    with raw_websocket(service.url) as raw:
        raw.say(introduce(alice.token))
        raw.hear_json(CONNECT)
        service.wait_for_connections(1)
        raw.say(f'{EVENT}["{name}",{{"token":"garbage"}}]')
        assert raw.hear() == CLOSE
        with pytest.raises(ConnectionClosed):
            raw.hear()
    service.wait_for_connections(0)
    stock_client(service.url, alice.token).wait("connect")
    service.wait_for_connections(1)
