"""Several workers behind one port, nothing sticky in front: a request reaches any of them."""

import http.client
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.harness.clients import loopback
from tests.harness.clients.crowd import Crowd
from tests.harness.clients.raw import RawPolling, raw_polling
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, notify
from tests.harness.processes.service import Service
from tests.harness.processes.workers import (
    FORCED,
    EchoServer,
    connected,
    descriptors,
    frozen,
    megabytes,
    workers,
)
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

CLIENTS = int(os.environ.get("CROWD_CLIENTS", "100"))
ROUNDS = int(os.environ.get("CROWD_ROUNDS", "3"))
POLLING = "/socket.io/?EIO=4&transport=polling"
SPARE = 5  # descriptors that come and go with a worker's own work

NODE = Callable[..., StockClient]
START = Callable[..., EchoServer]


@pytest.fixture
def echo_server(tmp_path: Path) -> Iterator[START]:
    """A builder: a running server of this test's own; in the end nothing was forced or failed."""
    with ExitStack() as stack:

        def make(count: int, **variables: str) -> EchoServer:
            server = EchoServer(tmp_path, count=count, **variables)
            stack.callback(server.stop)
            return server

        yield make


@pytest.fixture
def crowd() -> Iterator[Callable[..., Crowd]]:
    """A builder of crowds, who leave at the end."""
    made: list[Crowd] = []

    def make(*args: Any, **options: Any) -> Crowd:
        made.append(Crowd(*args, **options))
        return made[-1]

    yield make
    for one in made:
        one.leave()


@pytest.mark.parametrize(
    ("count", "arguments", "transports"),
    [
        (2, "--preload", ["polling", "websocket"]),
        (4, "", ["polling", "websocket"]),
        (4, "", ["polling"]),
    ],
    ids=["2-preload", "4", "4-polling"],
)
def test_a_crowd_comes_upgrades_is_answered_and_comes_again(
    echo_server: START,
    crowd: Callable[..., Crowd],
    count: int,
    arguments: str,
    transports: list[str],
) -> None:
    server = echo_server(count, GUNICORN_CMD_ARGS=arguments)
    first = crowd(server.url, CLIENTS // 2, transports=transports)
    first.wait_all("connect")
    busy = {server.owner(sid) for sid in first.sessions().values()}
    with ExitStack() as stack:
        for pid in busy if len(busy) < count else ():
            stack.enter_context(frozen(pid))  # one process may have taken all of the first
        second = crowd(server.url, CLIENTS // 2, transports=transports)
        second.wait_all("connect")
    for people, times in ((people, times) for times in range(ROUNDS) for people in (first, second)):
        people.wait_all("connect", times + 1)
        people.ask("message-with-ack", 2 * times + 1)
        if "websocket" in transports:
            people.wait_all("upgrade", times + 1)
        people.ask("message-with-ack", 2 * times + 2)
        if times + 1 < ROUNDS:
            people.tell(again=True)

    assert len({line["eio"][-8:] for line in first.all("connect") + second.all("connect")}) > 1
    for people in (first, second):
        assert people.troubles() == []
        left = [line["reason"] for line in people.all("disconnect")]
        assert left == ["io client disconnect"] * people.count * (ROUNDS - 1)
        assert len(people.all("event")) == people.count * ROUNDS  # "auth", each time once
    assert not FORCED.search(server.process.output())


def test_churn_leaves_no_descriptor_and_little_memory_behind(
    echo_server: START, crowd: Callable[..., Crowd]
) -> None:
    server = echo_server(2)
    crowd(server.url, 20).wait_all("upgrade")
    before = {pid: (descriptors(pid), megabytes(pid)) for pid in server.workers()}

    people = crowd(server.url, CLIENTS)
    for times in range(1, ROUNDS + 1):
        people.wait_all("upgrade", times)
        people.tell(again=True)
    people.wait_all("upgrade", ROUNDS + 1)
    people.leave()

    def gone() -> bool:
        return all(descriptors(pid) <= many + SPARE for pid, (many, _) in before.items())

    wait_until(gone, "all descriptors are closed")
    for pid, (_, memory) in before.items():
        assert megabytes(pid) - memory < 30


def opened(server_url: str, stack: ExitStack) -> RawPolling:
    """A session over long-polling, in whichever worker the request reached."""
    return stack.enter_context(raw_polling(server_url))


def one_in_each(server: EchoServer, stack: ExitStack) -> dict[int, RawPolling]:
    """A connected session in each worker, by the worker's pid."""
    found: dict[int, RawPolling] = {}
    pids = set(server.workers())
    while set(found) != pids:
        client = opened(server.url, stack)
        found.setdefault(server.owner(client.opened["sid"]), client)
    for client in found.values():
        client.say("40")
        assert client.hear_json("40")["sid"]
        assert client.hear_json("42") == ["auth", {}]
    return found


def request(connection: http.client.HTTPConnection, sid: str, body: str | None = None) -> str:
    path = f"{POLLING}&sid={sid}"
    connection.request("GET" if body is None else "POST", path, body)
    answer = connection.getresponse()
    text = answer.read().decode()
    assert answer.status == 200, text
    return text


def test_one_connection_talks_to_sessions_of_all_workers(echo_server: START) -> None:
    """Each request of a keep-alive connection is handed on, bodies included, and back again."""
    server = echo_server(4)
    with ExitStack() as stack:
        sids = [client.opened["sid"] for client in one_in_each(server, stack).values()]
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
        stack.callback(connection.close)
        connection.connect()
        line = connection.sock
        for turn in range(5):
            for sid in sids:
                text = f"{turn}" * 40_000
                assert request(connection, sid, f'42["message","{text}"]') == "ok"
                assert request(connection, sid) == f'42["message-back","{text}"]'
        assert connection.sock is line  # all of it on one TCP connection


def test_pipelined_requests_for_sessions_of_all_workers_are_answered_in_order(
    echo_server: START,
) -> None:
    server = echo_server(4)
    with ExitStack() as stack:
        sids = [client.opened["sid"] for client in one_in_each(server, stack).values()]
        line = stack.enter_context(
            socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS)
        )
        pieces = []
        for number in range(40):
            body = f'42["message",{number}]'
            head = f"{POLLING}&sid={sids[number % 4]} HTTP/1.1\r\nHost: a\r\n"
            pieces.append(f"POST {head}Content-Length: {len(body)}\r\n\r\n{body}GET {head}\r\n")
        stream = "".join(pieces).encode()
        sending = threading.Thread(target=line.sendall, args=(stream,))
        sending.start()
        heard = []
        for _ in range(80):
            answer = http.client.HTTPResponse(line)
            # One answer at a time from the stream: no buffer of its own may read into the next.
            answer.fp.close()
            answer.fp = line.makefile("rb", buffering=0)  # type: ignore[assignment]
            answer.begin()
            heard.append(answer.read().decode())
        sending.join()

    expected = [("ok", f'42["message-back",{number}]') for number in range(40)]
    assert heard == [text for pair in expected for text in pair]


def test_a_body_that_comes_slowly_is_handed_over_with_its_head(echo_server: START) -> None:
    server = echo_server(4)
    with ExitStack() as stack:
        clients = one_in_each(server, stack)
        for client in clients.values():
            for _ in range(4):  # most of them reach a worker that is not the owner
                body = b'42["message","slow"]'
                path = f"{POLLING}&sid={client.opened['sid']}"
                head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
                with socket.create_connection(("127.0.0.1", server.port)) as line:
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for piece in (head.encode(), *(body[at : at + 1] for at in range(len(body)))):
                        line.sendall(piece)
                    line.settimeout(DEADLINE_SECONDS)
                    assert line.recv(4096).startswith(b"HTTP/1.1 200 OK")
                assert client.hear_json("42") == ["message-back", "slow"]


@pytest.mark.parametrize("transports", [["polling", "websocket"], ["polling"]])
def test_a_killed_worker_takes_its_own_clients_only_and_they_come_back(
    echo_server: START, crowd: Callable[..., Crowd], transports: list[str]
) -> None:
    server = echo_server(2)
    people = crowd(server.url, 60, transports=transports)
    people.ask("message-with-ack")
    if "websocket" in transports:
        people.wait_all("upgrade")
    killed, spared = server.workers()
    name = next(name for name, pid in server.owners().items() if pid == killed)
    sessions = people.sessions()
    hit = {n for n, sid in sessions.items() if sid.endswith(name)}
    assert hit
    assert hit != set(sessions)
    # Nobody's request is on its way through the one to the other.
    wait_until(
        lambda: (connected(killed), connected(spared)) == (len(hit), 60 - len(hit)),
        "each client is on one connection to its own worker",
    )

    os.kill(killed, signal.SIGKILL)

    people.wait("connect", 60 + len(hit))
    people.ask("message-with-ack", 2)
    assert {line["n"] for line in people.all("disconnect")} == hit
    assert all(line["active"] for line in people.all("disconnect"))
    assert {n for n, sid in people.sessions().items() if sessions[n] != sid} == hit
    # Whoever asks for a session of the dead one is told so, by any worker.
    wait_until(lambda: len(server.owners()) == 2, "another worker serves")
    for _ in range(10):
        answer = loopback.get(f"{server.url}{POLLING}&sid={'x' * 20}{name}")
        assert (answer.status_code, answer.json()["code"]) == (400, 1)


def test_a_session_that_nobody_has_is_unknown(echo_server: START) -> None:
    server = echo_server(2)
    names = list(server.owners())
    for sid in (
        "x",
        "x" * 28,
        "../" * 9,
        "%00" * 28,
        "%ff%fe",
        "a" * 4000,
        *names,
        f"{names[0]}%0a",
    ):
        for _ in range(4):
            answer = loopback.get(f"{server.url}{POLLING}&sid={sid}")
            assert (answer.status_code, answer.json()["code"]) == (400, 1)


def test_a_reload_with_requests_being_handed_over_loses_nobody(
    echo_server: START, crowd: Callable[..., Crowd]
) -> None:
    """Polling clients talk all the while: theirs is a stream of requests to be handed over."""
    server = echo_server(2)
    people = crowd(server.url, 40, transports=["polling"])
    people.wait_all("connect")
    enough = threading.Event()

    def talk() -> None:
        while not enough.wait(0.05):
            people.tell(ask="message-with-ack")

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        people.wait("answer", 80)
        server.reload()
        people.wait("connect", 80)
    finally:
        enough.set()
        talking.join()

    people.wait_all("connect", 2)
    told = {line["reason"] for line in people.all("disconnect")}
    assert told <= {"transport close", "transport error"}
    assert people.troubles() == []
    assert not FORCED.search(server.process.output())


@pytest.mark.parametrize("arguments", ["", "--preload"])
def test_events_reach_clients_on_every_transport_in_every_worker(
    own_service: Callable[..., Service],
    person_at: Callable[[Service, str], Person],
    crowd: Callable[..., Crowd],
    arguments: str,
) -> None:
    service = own_service(
        WEB_CONCURRENCY="2", GUNICORN_CMD_ARGS=arguments, MAX_CONNECTIONS_PER_USER="0"
    )
    alice = person_at(service, "customer")
    groups = [
        crowd(service.url, 10, alice.token, transports=transports)
        for transports in (["polling"], ["polling", "websocket"])
    ]
    for people in groups:
        people.wait_all("connect")
    assert service.web is not None
    pids = workers(service.web.pid)
    assert len(pids) == 2
    for stopped in pids:  # an idle worker may take all that comes: so each has its turn alone
        with frozen(stopped):
            groups.append(crowd(service.url, 5, alice.token, transports=["websocket"]))
            groups[-1].wait_all("connect")

    notes = [notify(service.url, alice.id, title=f"note {number}") for number in range(5)]

    for people in groups:
        people.wait_all("event", len(notes))
        assert people.troubles() == []
        for n in range(people.count):
            told = [line["args"][0] for line in people.all("event") if line["n"] == n]
            assert told == notes
    assert len({sid[-8:] for people in groups for sid in people.sessions().values()}) == 2
    assert json.loads(loopback.get(f"{service.url}/readyz").text)["status"] == "ok"
