"""A connection lasts as long as its token; `auth:refresh` brings the next one."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.harness.clients import loopback
from tests.harness.clients.raw import (
    CLOSE,
    CONNECT,
    EVENT,
    RawClient,
    introduce,
    raw_polling,
    raw_websocket,
)
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, notify, signed
from tests.harness.processes.external import run_script
from tests.harness.processes.service import Service

NODE = Callable[..., StockClient]
LIFE_SECONDS = 4  # of a token that is to expire: long enough to connect with


def refresh(client: RawClient, data: Any, *, number: int = 0) -> Any:
    """What `auth:refresh` is acknowledged with."""
    client.say(f"{EVENT}{number}" + json.dumps(["auth:refresh", data]))
    return client.hear_json(f"43{number}")[0]


def refused(code: str) -> Any:
    message = "The token is another user's" if code == "wrong_user" else "Invalid token"
    return {"ok": False, "error": {"code": code, "message": message}}


def short_lived() -> str:
    return signed(exp=time.time() + LIFE_SECONDS)


@pytest.fixture
def strict(own_service: Callable[..., Service]) -> Service:
    """A service with next to no grace."""
    return own_service(TOKEN_GRACE="0.1")


@pytest.fixture
def connected(service: Service) -> Iterator[RawClient]:
    """User 7, a customer."""
    with raw_websocket(service.url) as client:
        client.say(introduce(signed()))
        client.hear_json(CONNECT)
        yield client


def test_without_grace_it_is_closed_when_its_token_expires(
    own_service: Callable[..., Service],
) -> None:
    service = own_service(TOKEN_GRACE="0")
    with raw_websocket(service.url) as client:
        client.say(introduce(short_lived()))
        client.hear_json(CONNECT)
        assert client.hear() == CLOSE


def test_it_is_closed_at_engine_level_and_a_refreshed_one_is_not(
    strict: Service, stock_client: NODE
) -> None:
    with raw_websocket(strict.url) as stays, raw_polling(strict.url) as leaves:
        for client in (stays, leaves):
            client.say(introduce(short_lived()))
            client.hear_json(CONNECT)
        assert refresh(stays, {"token": signed()})["ok"]
        expiring = stock_client(strict.url, short_lived())
        expiring.wait("connect")

        # The stock client comes back by itself, and is told that its token is of no use.
        assert expiring.wait("disconnect")["reason"] == "transport close"
        assert expiring.wait("connect_error")["data"] == {"code": "token_expired"}
        assert leaves.hear() == CLOSE
        # All three tokens have ended by now.
        note = notify(strict.url, "7")
        assert stays.hear_json(EVENT)[:2] == ["notification", note]
    metrics = loopback.get(f"{strict.url}/metrics").text
    closed = [line for line in metrics.splitlines() if 'total{why="expired"' in line]
    assert closed == ['ordercast_connections_closed_total{why="expired"} 2.0']


def test_a_refresh_says_how_long_the_new_token_lasts(connected: RawClient) -> None:
    answer = refresh(connected, {"token": signed(exp=time.time() + 1000)})

    assert answer["ok"] is True
    assert 0 < answer["expiresIn"] <= 1000


def test_what_is_no_token_for_it_changes_nothing(
    service: Service, connected: RawClient, alice: Person
) -> None:
    revoked = alice.elsewhere()
    cases: list[tuple[Any, str]] = [
        (None, "token_invalid"),
        ("a text", "token_invalid"),
        ({}, "token_invalid"),
        ({"token": None}, "token_invalid"),
        ({"token": "garbage"}, "token_invalid"),
        ({"token": signed(type="refresh")}, "token_invalid"),
        ({"token": signed(exp=time.time() - 60)}, "token_expired"),
        ({"token": signed(sub="8")}, "wrong_user"),
    ]
    for number, (data, code) in enumerate(cases):
        assert refresh(connected, data, number=number) == refused(code), data

    with raw_websocket(service.url) as hers:
        hers.say(introduce(alice.token))
        hers.hear_json(CONNECT)
        revoked.post("/api/auth/logout")
        assert refresh(hers, {"token": revoked.token}) == refused("token_revoked")
        note = notify(service.url, alice.id)
        assert hers.hear_json(EVENT)[:2] == ["notification", note]

    note = notify(service.url, "7")
    assert connected.hear_json(EVENT)[:2] == ["notification", note]


def test_its_rooms_follow_the_new_role(service: Service) -> None:
    with raw_websocket(service.url) as client:
        client.say(introduce(signed(sub="77", role="seller")))
        client.hear_json(CONNECT)

        def heard() -> list[str]:
            """What comes when both of its rooms are told something, the user's last."""
            run_script(
                service.env["REDIS_URL"],
                "socketio.emit('hello', {'room': 'seller'}, to='seller:77')",
                "socketio.emit('hello', {'room': 'user'}, to='user:77')",
            )
            rooms: list[str] = []
            while "user" not in rooms:
                rooms.append(client.hear_json(EVENT)[1]["room"])
            return rooms

        assert heard() == ["seller", "user"]
        assert refresh(client, {"token": signed(sub="77", role="customer")})["ok"]
        assert heard() == ["user"]
        assert refresh(client, {"token": signed(sub="77", role="seller")}, number=1)["ok"]
        assert heard() == ["seller", "user"]


def test_a_logout_reaches_a_connection_by_the_token_that_it_has_now(
    service: Service, alice: Person
) -> None:
    again = alice.elsewhere()
    with raw_websocket(service.url) as client:
        client.say(introduce(alice.token))
        client.hear_json(CONNECT)
        assert refresh(client, {"token": again.token})["ok"]

        alice.post("/api/auth/logout")  # the session that it came with, and left
        note = notify(service.url, alice.id)
        assert client.hear_json(EVENT)[:2] == ["notification", note]

        again.post("/api/auth/logout")
        assert client.hear() == "41"


def test_a_user_has_so_many_connections_and_no_more(
    own_service: Callable[..., Service], stock_client: NODE
) -> None:
    service = own_service(MAX_CONNECTIONS_PER_USER="2")
    clients = [stock_client(service.url, signed()) for _ in range(2)]
    for client in clients:
        client.wait("connect")

    refused_one = stock_client(service.url, signed())
    error = refused_one.wait("connect_error")
    assert error["message"] == "Too many connections"
    assert error["data"] == {"code": "too_many_connections"}
    stock_client(service.url, signed(sub="8")).wait("connect")

    clients[0].leave()
    service.wait_for_connections(2)
    stock_client(service.url, signed()).wait("connect")
