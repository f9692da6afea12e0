"""A `SocketIO(app, ...)` that is initialised when cast.init_app gets it is adopted as it is."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask, session
from flask_socketio import Namespace, SocketIO, emit, join_room
from sqlalchemy import create_engine

from ordercast import Ordercast
from ordercast.live.live_server import StockServer
from tests.harness.servers.redis import RedisServer
from tests.integration.test_team_socketio import Client

Adopt = Callable[..., Callable[[], Client]]
POLL = {"EIO": 4, "transport": "polling"}


@pytest.fixture
def app() -> Flask:
    app = Flask("team")
    app.config["SECRET_KEY"] = "the team's own, which is long enough"
    return app


@pytest.fixture
def adopt(app: Flask, redis_server: RedisServer) -> Adopt:
    """Ordercast's line, after the team's -> a builder of clients."""

    def adopt(sockets: SocketIO, **config: Any) -> Callable[[], Client]:
        app.config.update(config or {"ORDERCAST_REDIS_URL": redis_server.url})
        Ordercast().init_app(app, sockets, engine=lambda: create_engine("sqlite://"))
        return lambda: Client(app, sockets.server)

    return adopt


def test_handlers_from_before_and_after_its_initialisation_and_from_after_ours_go_on(
    app: Flask, adopt: Adopt
) -> None:
    sockets = SocketIO()
    sockets.on_event("first", lambda: "before it was initialised")
    sockets.init_app(app, async_handlers=False)
    sockets.on_event("second", lambda: "after")

    class Shop(Namespace):  # type: ignore[misc]
        def on_third(self) -> str:
            return "in a namespace"

    sockets.on_namespace(Shop("/shop"))
    client = adopt(sockets)()
    sockets.on_event("fourth", lambda: "after Ordercast")
    client.say("0")
    client.say("0/shop,")
    assert client.say('21["first"]') == ['431["before it was initialised"]']
    assert client.say('22["second"]') == ['432["after"]']
    assert client.say('2/shop,3["third"]') == ['43/shop,3["in a namespace"]']
    assert client.say('24["fourth"]') == ['434["after Ordercast"]']


def test_rooms_sessions_and_emits_of_handlers_go_on(app: Flask, adopt: Adopt) -> None:
    sockets = SocketIO(app, async_handlers=False)

    def connect() -> None:
        session["name"] = "alice"
        join_room("shop")

    def speak() -> None:
        emit("said", session["name"], to="shop")

    sockets.on_event("connect", connect)
    sockets.on_event("speak", speak)
    client = adopt(sockets)()
    client.say("0")
    assert client.say('2["speak"]')[0].startswith('42["said","alice"')


def test_its_options_and_its_path_hold(app: Flask, adopt: Adopt) -> None:
    sockets = SocketIO(
        app,
        path="/live/socket",
        ping_interval=3,
        cors_allowed_origins="https://shop.example",
        monitor_clients=False,  # a thread, under `flask run`
    )
    adopt(sockets)
    assert isinstance(sockets.server, StockServer)
    assert sockets.server.eio.ping_interval == 3
    assert sockets.server.eio.cors_allowed_origins == "https://shop.example"
    http = app.test_client()
    for path in ("/live/socket/", "/live/socket"):
        assert http.get(path, query_string=POLL).status_code == 200
    assert http.get("/socket.io/").status_code == 404


def test_what_stands_around_its_middleware_goes_on_standing_there(app: Flask, adopt: Adopt) -> None:
    sockets = SocketIO(app, monitor_clients=False)
    inner, seen = app.wsgi_app, []

    def around(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    app.wsgi_app = around  # type: ignore[method-assign]
    adopt(sockets)
    answer = app.test_client().get("/socket.io/", query_string=POLL)
    assert answer.status_code == 200
    assert seen == ["/socket.io/"]


def test_its_queue_is_the_services_unless_the_settings_say_another(
    app: Flask, adopt: Adopt, redis_server: RedisServer
) -> None:
    sockets = SocketIO(app, message_queue=redis_server.url, channel="outlet")
    adopt(sockets, SOME="thing")
    broker = app.extensions["ordercast"].broker
    assert (broker.url, broker.queue_channel) == (redis_server.url, "outlet")


def test_one_made_for_a_queue_alone_becomes_the_applications(
    app: Flask, adopt: Adopt, redis_server: RedisServer
) -> None:
    sockets = SocketIO(message_queue=redis_server.url)
    sockets.on_event("hello", lambda: "you")
    client = adopt(sockets)()
    client.say("0")
    assert client.say('21["hello"]') == ['431["you"]']


def test_the_test_client_of_flask_socketio_works(app: Flask, adopt: Adopt) -> None:
    app.testing = True
    sockets = SocketIO(app)

    def speak(text: str) -> None:
        emit("said", {"text": text}, broadcast=True)

    sockets.on_event("speak", speak)
    adopt(sockets, ORDERCAST_DURABLE="said")
    client = sockets.test_client(app)
    client.emit("speak", "tea")
    assert [one["args"] for one in client.get_received()] == [[{"text": "tea"}]]


def test_a_second_time_is_refused_in_words(app: Flask, adopt: Adopt) -> None:
    sockets = SocketIO(app)
    adopt(sockets)
    with pytest.raises(RuntimeError, match="called before for this application"):
        adopt(sockets)
