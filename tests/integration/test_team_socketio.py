"""A team's own SocketIO, handed to cast.init_app: its options, handlers and rooms go on as in stock
Flask-SocketIO."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
import socketio
from flask import Flask, request
from flask_socketio import ConnectionRefusedError, Namespace, SocketIO, emit, join_room
from gevent import Timeout
from sqlalchemy import create_engine
from werkzeug.test import EnvironBuilder

from ordercast import Ordercast, Refuse
from tests.harness.application.tabs import Engine
from tests.harness.servers.redis import RedisServer

numbers = count(1)


class Client:
    def __init__(self, app: Flask, server: socketio.Server) -> None:
        self.sid = f"session-{next(numbers)}"
        self._server = server
        self._session = Engine(lambda reason: server._handle_eio_disconnect(self.sid, reason))
        server.eio.sockets[self.sid] = self._session
        server.environ[self.sid] = {**EnvironBuilder("/").get_environ(), "flask.app": app}

    def say(self, text: str) -> list[str]:
        """-> what it gets for that, but the sid."""
        self._session.wire.clear()
        self._server._handle_eio_message(self.sid, text)
        return [_without_sid(packet) for packet in self._session.wire]

    def leave(self) -> None:
        self._session.close(reason="transport close")


def _without_sid(packet: str) -> str:
    head, _, body = packet.partition("{")
    return head + "connected" if body.startswith('"sid"') else packet


Make = Callable[[SocketIO], Callable[[], Client]]


@pytest.fixture
def make(redis_server: RedisServer) -> Make:
    """An application of the team's on this SocketIO -> a builder of clients."""

    def make(sockets: SocketIO) -> Callable[[], Client]:
        app = Flask("team")
        app.config.update(SECRET_KEY="the team's own", ORDERCAST_REDIS_URL=redis_server.url)
        Ordercast().init_app(app, sockets, engine=lambda: create_engine("sqlite://"))
        return lambda: Client(app, sockets.server)

    return make


def test_without_an_identity_the_connect_handler_alone_decides(make: Make) -> None:
    sockets = SocketIO()

    def connect(auth: Any) -> Any:
        if auth == {"name": "charlie"}:
            raise ConnectionRefusedError("no", {"why": "a stranger"})
        return auth is not None

    sockets.on_event("connect", connect)

    client = make(sockets)
    assert client().say('0{"name":"alice"}') == ["40connected"]
    assert client().say('0{"name":"charlie"}') == ['44{"message":"no","data":{"why":"a stranger"}}']
    assert client().say("0") == ['44{"message":"Connection rejected by server"}']


def test_a_room_joined_in_the_connect_handler_gets_its_events(make: Make) -> None:
    sockets = SocketIO(async_handlers=False)

    def connect() -> None:
        join_room("shop")
        emit("hello", "you")

    sockets.on_event("connect", connect)

    def say(text: str) -> str:
        emit("said", text, to="shop")
        return "done"

    sockets.on_event("say", say)

    client = make(sockets)
    alice, bob = client(), client()
    assert alice.say("0") == ["40connected", '42["hello","you"]']
    bob.say("0")
    assert bob.say('27["say","tea"]') == ['42["said","tea"]', '437["done"]']
    assert alice._session.wire[-1] == '42["said","tea"]'


def test_namespaces_sessions_and_disconnect_handlers_work(make: Make) -> None:
    sockets, told = SocketIO(), []

    class Shop(Namespace):  # type: ignore[misc]
        def on_connect(self) -> None:
            sockets.server.save_session(request.sid, {"n": 1}, self.namespace)  # type: ignore[attr-defined]

        def on_disconnect(self, reason: str) -> None:
            told.append((self.namespace, reason))

    def disconnect(reason: str) -> None:
        told.append(("/", reason))

    sockets.on_event("disconnect", disconnect)

    sockets.on_namespace(Shop("/shop"))
    client = make(sockets)()
    assert client.say("0") == ["40connected"]
    assert client.say("0/shop,") == ["40/shop,connected"]
    client.leave()
    assert sorted(told) == [("/", "transport close"), ("/shop", "transport close")]


@pytest.mark.parametrize("fault", [LookupError("a secret"), Timeout()], ids=["error", "timeout"])
@pytest.mark.parametrize("ends", ["client", "server", "transport"])
def test_a_disconnect_handler_that_fails_keeps_no_client_in_its_rooms(
    make: Make, caplog: pytest.LogCaptureFixture, ends: str, fault: BaseException
) -> None:
    sockets = SocketIO()

    def connect() -> None:
        join_room("shop")

    def disconnect(_reason: str) -> None:
        raise fault

    sockets.on_event("connect", connect)
    sockets.on_event("disconnect", disconnect)
    client = make(sockets)()
    client.say("0")
    manager = sockets.server.manager
    if ends == "client":
        client.say("1")
    elif ends == "server":
        sockets.server.disconnect(manager.sid_from_eio_sid(client.sid, "/"))
    else:
        client.leave()
    assert manager.get_namespaces() == []
    assert caplog.text.count("disconnect handler failed") == 1


def test_an_emit_that_ignores_the_queue_reaches_the_clients_of_this_process(make: Make) -> None:
    sockets = SocketIO(async_handlers=False)
    answers: list[str] = []

    def say(text: str) -> None:
        sockets.emit("said", (text, 1), ignore_queue=True)
        sockets.emit("others", skip_sid=request.sid, ignore_queue=True)  # type: ignore[attr-defined]
        sockets.emit("heard?", to=request.sid, callback=answers.append, ignore_queue=True)  # type: ignore[attr-defined]

    sockets.on_event("say", say)
    client = make(sockets)
    alice, bob = client(), client()
    alice.say("0")
    bob.say("0")
    assert bob.say('2["say","tea"]') == ['42["said","tea",1]', '421["heard?"]']
    assert alice._session.wire[1:] == ['42["said","tea",1]', '42["others"]']
    bob.say('31["yes"]')
    assert answers == ["yes"]


def test_its_options_hold_and_another_application_gets_no_others(make: Make) -> None:
    sockets = SocketIO(ping_interval=3, cors_allowed_origins="https://shop.example")
    make(sockets)
    assert sockets.server.eio.ping_interval == 3
    assert sockets.server.eio.ping_timeout == 20  # PING_TIMEOUT
    assert sockets.server.eio.cors_allowed_origins == "https://shop.example"
    assert sockets.server_options.keys() == {"ping_interval", "cors_allowed_origins"}
    first = sockets.server
    make(sockets)
    assert sockets.server is not first


def test_a_connect_handler_that_fails_says_nothing_of_its_fault(make: Make) -> None:
    sockets = SocketIO()

    def connect(_auth: Any) -> None:
        raise LookupError("a secret")

    sockets.on_event("connect", connect)

    [answer] = make(sockets)().say("0")
    assert json.loads(answer.removeprefix("44")) == {"message": "Internal error"}


INTERNAL_ERROR = '44{"message":"Internal error"}'
NO_SHOP = '44{"message":"No such shop","data":{"code":"no_shop"}}'


def of_a_handler(sockets: SocketIO, fail: Callable[[], None], told: list[Exception]) -> None:
    sockets.on_event("connect", fail)
    sockets.on_error_default(told.append)


def of_a_namespace(sockets: SocketIO, fail: Callable[[], None], told: list[Exception]) -> None:
    class Shop(Namespace):  # type: ignore[misc]
        def on_connect(self) -> None:
            fail()

        def error(self, error: Exception) -> None:
            told.append(error)

    sockets.on_namespace(Shop("/"))


@pytest.mark.parametrize("team", [of_a_handler, of_a_namespace])
@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Refuse("No such shop", code="no_shop"), NO_SHOP),
        (LookupError("a secret"), INTERNAL_ERROR),
        (TypeError("a secret"), INTERNAL_ERROR),
        (ConnectionRefusedError("no"), '44{"message":"no"}'),
    ],
    ids=["refuse", "error", "type-error", "refused"],
)
def test_an_error_handler_is_told_and_lets_no_client_in(
    make: Make, team: Callable[..., None], fault: Exception, answer: str
) -> None:
    """Stock Flask-SocketIO accepts a client whose connect handler failed, if its error handler
    swallows the error."""
    sockets, told, calls = SocketIO(), list[Exception](), list[int]()

    def fail() -> None:
        calls.append(1)
        raise fault

    team(sockets, fail, told)
    client = make(sockets)()
    assert client.say("0") == [answer]
    assert client.say('20["anything"]') == []
    assert len(calls) == 1
    if not isinstance(fault, ConnectionRefusedError) or team is of_a_namespace:
        assert told == [fault]


def test_an_error_handler_may_refuse_in_its_own_words(make: Make) -> None:
    sockets = SocketIO()

    def fail() -> None:
        raise LookupError("a secret")

    def refuse(error: Exception) -> None:
        raise Refuse("Closed today", code="closed") from error

    sockets.on_event("connect", fail)
    sockets.on_error_default(refuse)
    [answer] = make(sockets)().say("0")
    assert answer == '44{"message":"Closed today","data":{"code":"closed"}}'


@pytest.mark.parametrize("auth", [None, {"name": "alice"}])
def test_a_type_error_in_a_connect_handler_does_not_call_it_again(make: Make, auth: Any) -> None:
    """Stock Flask-SocketIO calls it again without auth."""
    sockets, calls = SocketIO(), list[Any]()

    def connect(auth: Any = None) -> None:
        calls.append(auth)
        raise TypeError("a fault of the handler")

    sockets.on_event("connect", connect)
    assert make(sockets)().say(f"0{json.dumps(auth)}" if auth else "0") == [INTERNAL_ERROR]
    assert calls == [auth]


def test_a_connect_handler_may_be_compared_by_its_value(make: Make) -> None:
    """It has no hash, and is called with the auth as any other."""
    sockets = SocketIO()

    @dataclass
    class Remember:
        calls: list[Any]

        def __call__(self, auth: Any = None) -> None:
            self.calls.append(auth)

    handler = Remember([])
    sockets.on_event("connect", handler)
    for _ in range(2):
        make(sockets)().say('0{"name":"alice"}')
    assert handler.calls == [{"name": "alice"}] * 2
