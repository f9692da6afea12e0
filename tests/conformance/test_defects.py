"""What is wrong in the stock stack (Flask-SocketIO 5.7.0, python-socketio 5.18.1, python-engineio
4.15.1, gevent-websocket 0.10.1), and must not be here, and a few of our own. COVERED
has those that a test elsewhere is about.
"""

import gc
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from socketio.packet import Packet

from ordercast.broker import Broker
from ordercast.captures import Captures
from ordercast.live.queue import QueueManager
from ordercast.transport import Engine, Limits, StrictPacket, StrictServer
from ordercast.transport.frames import CLOSE as CLOSE_FRAME
from ordercast.transport.frames import TEXT
from tests.conformance.backstage import BROKEN, DATA
from tests.harness.clients.frames import client_frame
from tests.harness.clients.wire import (
    CLOSE,
    ENGINE,
    MESSAGE,
    PING,
    SOCKET,
    Polling,
    RawWebSocket,
    Request,
    probing,
    query,
    refused,
    until_closed,
    upgrade,
    websocket,
)
from tests.harness.processes.gunicorn import Gunicorn
from tests.harness.processes.process import ROOT
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

ENGINE_IO, SOCKET_IO = "tests/conformance/test_engine_io.py", "tests/conformance/test_socket_io.py"
BEFORE = "tests/e2e/test_before_authentication.py"
COVERED = {
    "a missing transport is accepted": (ENGINE_IO, "a_wrong_query_opens_nothing_over_polling"),
    "PUT is answered with 405": (ENGINE_IO, "a_session_is_opened_with_get_only"),
    "a POST is answered with OK": (ENGINE_IO, "a_text_goes_there_and_back"),
    "an invalid POST is answered with 200": (ENGINE_IO, "a_payload_that_is_none_ends_the_session"),
    "a second poll goes unnoticed": (ENGINE_IO, "two_polls_at_once_end_the_session"),
    "a cancelled poll goes unnoticed": (ENGINE_IO, "a_poll_that_is_given_up_ends_the_session"),
    "a poll ends with nothing": (ENGINE_IO, "a_session_goes_from_polling_to_a_websocket"),
    "a ping timeout is seen late": (ENGINE_IO, "who_does_not_is_gone_over_polling"),
    "an unknown namespace without a reason": (
        SOCKET_IO,
        "a_namespace_that_is_not_there_is_refused",
    ),
    "malformed packets are let pass": (SOCKET_IO, "a_malformed_packet_closes_the_connection"),
    "no connect timeout": (
        SOCKET_IO,
        "who_does_not_connect_in_time_is_closed_and_who_did_stays",
    ),
    "events before authentication": (
        BEFORE,
        "nothing_reaches_a_client_before_its_token_is_verified",
    ),
    "left while connecting": (BEFORE, "a_client_that_leaves_during_its_connect_does_not_stay"),
    "cut while connecting": (BEFORE, "a_client_that_is_cut_during_its_connect_does_not_stay"),
    "the Redis manager's publish swallows errors": (
        "tests/integration/test_publishing.py",
        "the_publisher_raises_without_redis_and_does_not_try_each_time",
    ),
    "external emits do not arrive": (
        "tests/e2e/test_external_emits.py",
        "a_stock_script_reaches_a_room_and_everyone",
    ),
    "a shutdown waits for open sockets": (
        "tests/e2e/test_start_and_stop.py",
        "hup_loads_anew_and_sigterm_ends_the_web_process",
    ),
}


@pytest.mark.parametrize("defect", COVERED)
def test_what_is_said_to_be_covered_is(defect: str) -> None:
    module, name = COVERED[defect]
    assert f"def test_{name}(" in (ROOT / module).read_text()


class Stage(Gunicorn):
    """tests/conformance/backstage.py, and what it tells."""

    def told(self, name: str) -> list[list[Any]]:
        told: list[list[Any]] = Request(self.port, "GET", f"/told/{name}").answer().json()
        return told

    def wait_until_told(self, name: str, *wanted: list[Any]) -> None:
        wait_until(lambda: self.told(name) == [*wanted], f"{name} is told of: {wanted}")

    def go(self, name: str) -> None:
        self._post(f"/go/{name}")

    def end(self, name: str) -> None:
        self._post(f"/end/{name}")

    def dismiss(self, name: str) -> None:
        self._post(f"/dismiss/{name}")

    def broadcast(self, kind: str = "text") -> None:
        self._post(f"/broadcast/{kind}")

    def greenlets(self) -> int:
        return int(Request(self.port, "GET", "/greenlets").answer().body)

    def handlers(self) -> int:
        return int(Request(self.port, "GET", "/handlers").answer().body)

    def _post(self, target: str) -> None:
        answer = Request(self.port, "POST", target, b"", "Content-Length: 0").answer()
        assert answer.status == 200, answer


BACKSTAGE = "tests.conformance.backstage:app"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(
        BACKSTAGE,
        tmp_path_factory.mktemp("stage"),
        "--access-logfile",
        "-",
        PING_INTERVAL="25.3",
        PING_TIMEOUT="20.7",
    )
    yield stage
    assert stage.process.stop() == 0


@pytest.fixture(scope="module")
def restless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """It pings soon, and does not wait long."""
    stage = Stage(
        BACKSTAGE, tmp_path_factory.mktemp("restless"), PING_INTERVAL="0.3", PING_TIMEOUT="0.2"
    )
    yield stage
    stage.stop()


@pytest.fixture
def name() -> str:
    """Of this test's client."""
    return uuid4().hex


def connect(name: str, namespace: str = "/", **auth: Any) -> str:
    """The CONNECT, in a message."""
    where = "" if namespace == "/" else f"{namespace},"
    return f"{MESSAGE}0{where}" + json.dumps({"name": name, **auth})


# HTTP and the Engine.IO handshake.


def test_connection_close_is_said(stage: Stage) -> None:
    target = f"{SOCKET}?{query(EIO='4', transport='polling')}"
    for path in (target, "/told/nobody"):
        closing = Request(stage.port, "GET", path, b"", "Connection: close").answer()
        assert closing.headers["connection"] == "close"
        staying = Request(stage.port, "GET", path).answer()
        assert staying.headers.get("connection") != "close"


def test_a_fraction_of_a_second_of_the_ping_interval_is_kept(stage: Stage) -> None:
    opened = Polling(stage.port, SOCKET).opened
    assert (opened["pingInterval"], opened["pingTimeout"]) == (25_300, 20_700)


def test_a_websocket_of_another_origin_is_told_403(stage: Stage) -> None:
    asked = {"EIO": "4", "transport": "websocket"}
    answer = refused(stage.port, SOCKET, origin="http://thief.example", **asked)
    assert (answer.status, answer.json()) == (403, {"code": 4, "message": "Forbidden"})


def test_a_websocket_of_no_session_is_told_400(stage: Stage) -> None:
    answer = refused(stage.port, SOCKET, EIO="4", transport="websocket", sid="nobody")
    assert (answer.status, answer.json()) == (400, {"code": 1, "message": "Session ID unknown"})


HANDSHAKES = {
    "no upgrade": ("Upgrade", None),
    "another upgrade": ("Upgrade", "h2c"),
    "a connection that stays": ("Connection", "keep-alive"),
    "no version": ("Sec-WebSocket-Version", None),
    "an old version": ("Sec-WebSocket-Version", "8"),
    "no key": ("Sec-WebSocket-Key", None),
    "a key that is no base64": ("Sec-WebSocket-Key", "%%%"),
    "a key that is not ASCII": ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ\u00e9=="),
    "a short key": ("Sec-WebSocket-Key", "dGhl"),
}


@pytest.mark.parametrize(("field", "value"), HANDSHAKES.values(), ids=HANDSHAKES.keys())
def test_a_handshake_that_is_none_is_told_so(stage: Stage, field: str, value: str | None) -> None:
    good = dict(line.split(": ") for line in RawWebSocket.HANDSHAKE)
    lines = [f"{name}: {text}" for name, text in {**good, field: value}.items() if text]
    target = f"{SOCKET}?{query(EIO='4', transport='websocket')}"
    answer = Request(stage.port, "GET", target, b"", *lines).answer()
    status = 426 if field == "Sec-WebSocket-Version" else 400  # RFC 6455 section 4.4
    assert (answer.status, answer.json()["code"]) == (status, 3)


def test_a_websocket_is_in_the_access_log(stage: Stage) -> None:
    with websocket(stage.port, SOCKET):
        pass
    line = f"GET {SOCKET}?EIO=4&transport=websocket HTTP/1.1"
    wait_until(lambda: line in stage.process.output(), "the access log has the websocket")


def test_a_websocket_follows_its_upgrade_without_a_stray_packet(stage: Stage, name: str) -> None:
    client = Polling(stage.port, SOCKET)
    client.say(connect(name))
    assert client.hear().startswith(MESSAGE + "0{")
    with probing(stage.port, client, SOCKET) as connection:
        upgrade(connection)
        connection.send(connect(name, "/other"))
        assert str(connection.recv()).startswith(MESSAGE + "0/other,{")


# What a client may cost.


def test_a_frame_of_a_declared_gibibyte_costs_nothing(stage: Stage) -> None:
    worker = stage.worker()
    before = worker.memory_info().rss
    for _ in range(5):
        with RawWebSocket(stage.port, SOCKET) as client:
            client.send(client_frame(TEXT, b"x" * 1_000_000, declared=1 << 30))
            assert client.hear() == (CLOSE_FRAME, b"\x03\xf1Message over 1000000 bytes")
            assert client.is_at_end()  # and was not reset
    assert worker.memory_info().rss - before < 10_000_000


def test_a_body_of_a_declared_gibibyte_is_refused_before_it_comes(stage: Stage) -> None:
    client = Polling(stage.port, SOCKET)
    target = f"{SOCKET}?{query(EIO='4', transport='polling', sid=client.sid)}"
    declared = Request(stage.port, "POST", target, b"", f"Content-Length: {1 << 30}")
    declared.socket.shutdown(1)  # nothing more comes
    assert declared.answer().status == 413
    assert client.post(CLOSE).body == b"ok"


def test_half_a_message_goes_with_its_client() -> None:
    handle = made().eio.handlers
    handle["connect"]("engine", {})
    handle["message"]("engine", '51-["photo",{"_placeholder":true,"num":0}]')
    assert [one.data[0] for one in packets_alive()] == ["photo"]
    handle["disconnect"]("engine", "transport close")
    assert packets_alive() == []


def made(**options: Any) -> StrictServer:
    engine = partial(Engine, Limits())
    return StrictServer(connect=lambda request: None, engine=engine, async_mode="gevent", **options)


def packets_alive() -> list[StrictPacket]:
    gc.collect()
    return [one for one in gc.get_objects() if isinstance(one, StrictPacket)]


def test_after_a_ping_timeout_nothing_is_left(restless: Stage) -> None:
    before = restless.greenlets()
    with RawWebSocket(restless.port, SOCKET) as client:
        assert restless.is_connected_to(client.port)
        assert client.hear() == (TEXT, PING.encode())
        assert client.hear() == (TEXT, CLOSE.encode())
        assert client.hear()[0] == CLOSE_FRAME
        assert client.is_at_end()
        # It does not close its own end: the server does not wait for that for ever.
        wait_until(lambda: not restless.is_connected_to(client.port), "the descriptor is closed")
        wait_until(lambda: restless.greenlets() <= before, "no greenlet is left")


def test_a_websocket_keeps_nothing_of_the_request_that_opened_it(stage: Stage) -> None:
    """An HTTP handler with its headers takes 3 KB, as much as all the rest of a connection."""
    before = stage.handlers()
    with ExitStack() as clients:
        for _ in range(3):
            clients.enter_context(RawWebSocket(stage.port, SOCKET))
        assert stage.handlers() == before


def test_a_client_is_pinged_while_its_connect_handler_runs(restless: Stage, name: str) -> None:
    with websocket(restless.port, SOCKET) as client:
        client.say(connect(name, wait=True))
        assert client.hear() == PING
    restless.go(name)
    restless.wait_until_told(name, ["asked"], ["accepted"], ["gone", "transport close"])


# Connecting.


def test_always_connect_is_refused() -> None:
    with pytest.raises(ValueError, match="always_connect"):
        made(always_connect=True)


def test_a_lenient_serializer_is_refused() -> None:
    with pytest.raises(TypeError, match="StrictPacket"):
        made(serializer=Packet)


def test_a_broadcast_comes_after_the_connect_handler(stage: Stage, name: str) -> None:
    with websocket(stage.port, SOCKET) as client:
        client.say(connect(name, wait=True))
        stage.wait_until_told(name, ["asked"])
        stage.broadcast()
        stage.go(name)
        assert client.hear().startswith(MESSAGE + '0{"sid":')
        assert client.hear() == MESSAGE + '2["news","tea"]'


def test_who_is_refused_gets_no_broadcast(stage: Stage, name: str) -> None:
    with websocket(stage.port, SOCKET) as client:
        client.say(connect(name, "/other"))
        assert client.hear().startswith(MESSAGE + '0/other,{"sid":')
        client.say(connect(name, wait=True, refuse=True))
        stage.wait_until_told(name, ["asked"], ["accepted"], ["asked"])
        for kind in ("text", "bytes"):
            stage.broadcast(kind)
        # To where it is connected they come all the same, and at once.
        assert client.hear() == MESSAGE + '2/other,["news","tea"]'
        assert client.hear().startswith(MESSAGE + "51-/other,")
        assert client.hear() == DATA
        stage.go(name)
        assert client.hear() == MESSAGE + '4{"message":"no"}'
        client.say(connect(name))
        assert client.hear().startswith(MESSAGE + '0{"sid":')


def test_a_connect_handler_that_fails_is_not_run_again(stage: Stage) -> None:
    before = len(stage.told(BROKEN))
    with websocket(stage.port, SOCKET) as client:
        client.say(MESSAGE + "0/broken,")
        assert client.hear() == MESSAGE + '4/broken,{"message":"Internal error"}'
    assert len(stage.told(BROKEN)) == before + 1


@pytest.mark.parametrize("end", ["close", "cut"])
def test_a_polling_client_that_leaves_while_it_connects_does_not_stay(
    stage: Stage, name: str, end: str
) -> None:
    client = Polling(stage.port, SOCKET)
    pending = client.begin_poll()
    asking = client.begin_post(connect(name, wait=True))
    stage.wait_until_told(name, ["asked"])
    if end == "close":
        client.post(CLOSE)
        reason = "client disconnect"
    else:
        reason = "transport close"
    pending.give_up()
    asking.give_up()
    wait_until(client.is_over, "the session is over")
    stage.go(name)
    stage.wait_until_told(name, ["asked"], ["accepted"], ["gone", reason])


# Messages.


def test_a_packet_that_is_none_ends_a_websocket_session_at_once(stage: Stage, name: str) -> None:
    with websocket(stage.port, SOCKET) as client:
        client.say(connect(name))
        assert client.hear().startswith(MESSAGE + "0{")
        client.say("x")
        assert client.wait_for_end() == [CLOSE]
        stage.wait_until_told(name, ["asked"], ["accepted"], ["gone", "transport error"])


def test_who_leaves_behind_a_malformed_packet_is_gone(stage: Stage, name: str) -> None:
    with RawWebSocket(stage.port, SOCKET) as client:
        client.send(client_frame(TEXT, connect(name, wait=True).encode()))
        stage.wait_until_told(name, ["asked"])
        for packet in (MESSAGE + "2abc", MESSAGE + '2["message","too late"]'):
            client.send(client_frame(TEXT, packet.encode()))
        client.send(client_frame(CLOSE_FRAME))
        assert client.hear() == (CLOSE_FRAME, b"")
        assert client.is_at_end()
    stage.go(name)
    stage.wait_until_told(name, ["asked"], ["accepted"], ["gone", "transport close"])


def test_nothing_behind_a_good_bye_is_handled(stage: Stage, name: str) -> None:
    complaints = stage.process.output().count("Traceback")
    client = Polling(stage.port, SOCKET)
    client.say(connect(name))
    assert client.hear().startswith(MESSAGE + "0{")
    late = MESSAGE + '2["message","too late"]', connect(name), connect(name, "/other")
    assert client.post(MESSAGE + '2["message","in time"]', CLOSE, *late).body == b"ok"
    stage.wait_until_told(
        name, ["asked"], ["accepted"], ["message", "in time"], ["gone", "client disconnect"]
    )
    assert stage.process.output().count("Traceback") == complaints


def test_bytes_reach_a_websocket_and_then_a_polling_client(stage: Stage, name: str) -> None:
    with websocket(stage.port, SOCKET) as one:
        one.say(connect(name))
        assert one.hear().startswith(MESSAGE + "0{")
        other = Polling(stage.port, SOCKET)
        other.say(connect(name))
        assert other.hear().startswith(MESSAGE + "0{")
        stage.broadcast("bytes")
        head = MESSAGE + '51-["news",{"_placeholder":true,"num":0}]'
        assert [one.hear(), one.hear()] == [head, DATA]
        assert [other.hear(), other.hear()] == [head, "bAHRlYf8="]
        other.say(CLOSE)


def test_one_clients_messages_are_handled_in_order(stage: Stage, name: str) -> None:
    def message(number: int) -> str:
        return f'{MESSAGE}2["message",{number}]'

    client = Polling(stage.port, SOCKET)
    client.say(connect(name))
    assert client.hear().startswith(MESSAGE + "0{")
    client.post(*map(message, range(100)))
    for number in range(100, 110):
        client.say(message(number))
    with probing(stage.port, client, SOCKET) as connection:
        upgrade(connection)
        for number in range(110, 300):
            connection.send(message(number))
        expected = [["message", number] for number in range(300)]
        stage.wait_until_told(name, ["asked"], ["accepted"], *expected)


# Processes.


NO_DELIVERY: Any = None  # nothing is emitted


def test_a_manager_made_before_the_fork_has_a_name_of_its_own_in_each_process() -> None:
    manager = QueueManager(
        Broker("redis://127.0.0.1:1/0"), NO_DELIVERY, Captures(lambda: False), start=lambda: None
    )
    assert len({manager.host_id, in_a_fork(manager), in_a_fork(manager)}) == 3
    assert manager.host_id == manager.host_id


def in_a_fork(manager: QueueManager) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        manager.forget_host()  # as Live.start() does in each process
        os.write(writing, manager.host_id.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


@pytest.fixture(params=[(), ("--preload",)], ids=["forked", "preloaded"])
def two_workers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gunicorn]:
    options = request.param
    server = Gunicorn("tests.conformance.server:app", tmp_path, *options, WEB_CONCURRENCY="2")
    yield server
    server.stop()


def test_several_workers_need_no_sticky_sessions(two_workers: Gunicorn) -> None:
    port = two_workers.port
    clients = [Polling(port, ENGINE) for _ in range(8)]
    for number in range(4):  # each request on a connection of its own, to any worker
        for client in clients:
            client.say(f"{MESSAGE}{number}")
        assert {client.hear() for client in clients} == {f"{MESSAGE}{number}"}
    for client in clients:
        with probing(port, client) as connection:
            upgrade(connection)
            connection.send(MESSAGE + "over here")
            assert connection.recv() == MESSAGE + "over here"


# The end of a session, for which the stock JavaScript client takes the CLOSE of an answer before
# the events of that answer.

NEWS = MESSAGE + '2["news","tea"]'


@pytest.fixture
def reader(stage: Stage, name: str) -> Polling:
    client = Polling(stage.port, SOCKET)
    client.say(connect(name))
    assert client.hear().startswith(MESSAGE + "0{")
    return client


def test_the_end_has_an_answer_of_its_own(stage: Stage, name: str, reader: Polling) -> None:
    stage.broadcast()
    stage.broadcast()
    stage.end(name)
    assert [reader.poll().packets, reader.poll().packets] == [[NEWS, NEWS], [CLOSE]]
    assert reader.poll().status == 400


def test_the_end_alone_answers_the_poll_that_waits(
    stage: Stage, name: str, reader: Polling
) -> None:
    waiting = reader.begin_poll()
    # Its own request is handled behind the poll's, which waits by then.
    reader.say(MESSAGE + '2["message","I wait"]')
    stage.end(name)
    assert waiting.answer().packets == [CLOSE]
    assert reader.poll().status == 400


def test_the_good_bye_of_a_namespace_comes_behind_the_events(
    stage: Stage, name: str, reader: Polling
) -> None:
    stage.broadcast()
    stage.dismiss(name)
    assert reader.poll().packets == [NEWS, MESSAGE + "1"]
    reader.post(CLOSE)


def test_what_ends_in_the_middle_of_an_upgrade_says_so_on_the_websocket(
    stage: Stage, name: str, reader: Polling
) -> None:
    """The race: the client was told that it may upgrade, and polls no more."""
    with probing(stage.port, reader, SOCKET) as connection:
        connection.send(PING + "probe")
        assert connection.recv(timeout=DEADLINE_SECONDS) == "3probe"
        stage.broadcast()
        stage.end(name)
        stage.wait_until_told(name, ["asked"], ["accepted"], ["gone", "server disconnect"])
        connection.send("5")
        assert until_closed(connection) == [NEWS, CLOSE]


def test_its_last_poll_in_the_middle_of_an_upgrade_brings_the_events(
    stage: Stage, name: str, reader: Polling
) -> None:
    with probing(stage.port, reader, SOCKET) as connection:
        connection.send(PING + "probe")
        assert connection.recv(timeout=DEADLINE_SECONDS) == "3probe"
        stage.broadcast()
        stage.end(name)
        assert reader.poll().packets == [NEWS]
        connection.send("5")
        assert until_closed(connection) == [CLOSE]


def test_what_ends_before_an_upgrade_was_granted_says_so_to_the_poll(
    stage: Stage, name: str, reader: Polling
) -> None:
    with probing(stage.port, reader, SOCKET) as connection:
        stage.broadcast()
        stage.end(name)
        assert until_closed(connection) == []
        assert [reader.poll().packets, reader.poll().packets] == [[NEWS], [CLOSE]]


def leaves(stage: Stage, name: str, client: Any) -> str:
    client.say(CLOSE)
    return "client disconnect"


def leaves_the_namespace(stage: Stage, name: str, client: Any) -> str:
    client.say(MESSAGE + "1/memory,")
    return "client disconnect"


def sends_nonsense(stage: Stage, name: str, client: Any) -> str:
    client.say(MESSAGE + "nonsense")
    return "transport error"


def is_closed(stage: Stage, name: str, client: Any) -> str:
    stage.end(name)
    return "server disconnect"


def is_disconnected(stage: Stage, name: str, client: Any) -> str:
    stage.dismiss(name)
    return "server disconnect"


@pytest.mark.parametrize(
    "ending", [leaves, leaves_the_namespace, sends_nonsense, is_closed, is_disconnected]
)
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_a_disconnect_handler_has_the_clients_session(
    stage: Stage, name: str, transport: str, ending: Any
) -> None:
    """In the stock stack, too."""
    with ExitStack() as stack:
        if transport == "websocket":
            client: Any = stack.enter_context(websocket(stage.port, SOCKET))
        else:
            client = Polling(stage.port, SOCKET)
        client.say(MESSAGE + "0/memory," + json.dumps({"name": name}))
        assert client.hear().startswith(MESSAGE + "0/memory,")
        reason = ending(stage, name, client)
        stage.wait_until_told(name, [{"name": name, "reason": reason}, transport])
