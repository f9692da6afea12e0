"""A SocketIO that is attached to a server of another class is what its own `init_app` makes."""

import logging
from functools import partial
from typing import Any

import flask.json
import socketio
from flask import Flask
from flask_socketio import Namespace, SocketIO

from ordercast.transport import Engine, Limits, StrictServer, attach


class Chat(Namespace):  # type: ignore[misc]
    def on_talk(self, text: str) -> str:
        return text


class OwnServer(socketio.Server):  # type: ignore[misc]
    pass


def prepared(**options: Any) -> SocketIO:
    """With two handlers, and a namespace, of before its application."""
    made = SocketIO(async_mode="threading", **options)
    made.on("ask")(lambda: "early")
    made.on("*", namespace="/news")(lambda *_: "any")
    made.on_namespace(Chat("/chat"))
    return made


def test_it_is_what_init_app_makes() -> None:
    theirs, ours = prepared(), prepared()
    theirs.init_app(Flask("theirs"))
    app = Flask("ours")
    server = attach(ours, app, OwnServer)

    assert ours.server is server
    assert type(server) is OwnServer
    assert vars(ours).keys() == vars(theirs).keys()
    plain = ("async_mode", "manage_session", "wsgi_server", "exception_handlers")
    assert [getattr(ours, name) for name in plain] == [getattr(theirs, name) for name in plain]
    assert app.extensions["socketio"] is ours
    assert app.wsgi_app is ours.sockio_mw
    assert type(ours.sockio_mw) is type(theirs.sockio_mw)
    mounted = [vars(one.sockio_mw)["engineio_path"] for one in (ours, theirs)]
    assert mounted == ["/socket.io/"] * 2
    handlers = [
        {namespace: sorted(events) for namespace, events in one.server.handlers.items()}
        for one in (ours, theirs)
    ]
    assert handlers == [{"/": ["ask"], "/news": ["*"]}] * 2
    assert list(ours.server.namespace_handlers) == ["/chat"]


def test_handlers_of_before_and_after_answer() -> None:
    team = prepared()
    attach(team, app := Flask("ours"), OwnServer)
    team.on("later")(lambda: "late")
    client = team.test_client(app)
    assert client.emit("ask", callback=True) == "early"
    assert client.emit("later", callback=True) == "late"
    chat = team.test_client(app, namespace="/chat")
    assert chat.emit("talk", "tea", namespace="/chat", callback=True) == "tea"


def test_the_options_are_those_of_socketio_and_of_the_call_and_stay_as_they_were() -> None:
    seen: list[dict[str, Any]] = []

    def make(**options: Any) -> OwnServer:
        seen.append(options)
        return OwnServer(**options)

    team = prepared(path="live", manage_session=False, ping_interval=7, channel="other")
    before = dict(team.server_options)
    for _ in range(2):
        attach(team, Flask("ours"), make, {"ping_timeout": 3})
        assert vars(team.sockio_mw)["engineio_path"] == "/live/"
        assert team.manage_session is False
    assert seen == [{"async_mode": "threading", "ping_interval": 7, "ping_timeout": 3}] * 2
    assert team.server_options == before


def test_under_flask_run_nothing_is_patched(monkeypatch: Any) -> None:
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    team = SocketIO()
    attach(team, Flask("ours"), OwnServer)
    assert team.async_mode == "threading"


def test_flasks_json_is_that_of_the_application() -> None:
    app = Flask("ours")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    json: Any = None

    def make(**options: Any) -> OwnServer:
        nonlocal json
        json = options.pop("json")
        return OwnServer(**options)

    attach(prepared(json=flask.json), app, make)
    assert json.dumps({"b": 1, "a": 2}) == '{"b": 1, "a": 2}'
    assert json.loads("[1]") == [1]


def test_the_transport_is_made_with_its_server() -> None:
    engine = partial(Engine, Limits())
    make = partial(StrictServer, connect=lambda request: None, engine=engine)
    server = attach(SocketIO(async_mode="threading"), Flask("ours"), make)
    assert type(server.eio) is Engine
    assert set(server.eio.handlers) == {"connect", "message", "disconnect"}


def test_the_options_that_need_nothing_of_ours_reach_the_server_and_its_transport() -> None:
    given: dict[str, Any] = {
        "transports": ["websocket"],
        "allow_upgrades": False,
        "http_compression": False,
        "compression_threshold": 7,
        "cookie": "io",
        "cors_credentials": False,
    }
    log = logging.getLogger("tests.of.the.team")
    team = SocketIO(async_mode="threading", manage_session=False, logger=log, **given)
    engine = partial(Engine, Limits())
    make = partial(StrictServer, connect=lambda request: None, engine=engine)
    server = attach(team, Flask("ours"), make, {"namespaces": ["/", "/shop"]})
    assert {name: getattr(server.eio, name) for name in given} == given
    assert (server.logger, team.manage_session) == (log, False)
    assert server.namespaces == ["/", "/shop"]
