"""A worker goes: what was begun is finished, and the clients are sent away and come back."""

import http.client
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.harness.clients.crowd import Crowd
from tests.harness.clients.framed import ENGINE
from tests.harness.clients.raw import CLOSE, raw_polling, raw_websocket
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, notify
from tests.harness.processes.process import Process
from tests.harness.processes.service import Service
from tests.harness.processes.workers import FORCED, EchoServer, workers
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

NODE = Callable[..., StockClient]
AT_ENGINE_LEVEL = {"transport close", "transport error"}
REQUEST = b"GET /nothing HTTP/1.1\r\nHost: shop\r\n\r\n"
BODY = b'{"email": "nobody@example.com", "password": "correct horse battery"}'


class SlowRequest:
    """POST, of which the body is held back."""

    def __init__(self, port: int, path: str = "/api/auth/login") -> None:
        self.line = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        head = f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        # "Continue" is the proof that the application waits for the body.
        head += f"Expect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n"
        self.line.sendall(head.encode())
        assert b"100 Continue" in self.line.recv(4096)

    def finish(self, more: bytes = b"") -> bytes:
        """Send the body -> everything that is answered, until the server closes."""
        self.line.sendall(BODY + more)
        answer = b""
        while data := self.line.recv(65_536):
            answer += data
        return answer

    def close(self) -> None:
        self.line.close()


def drained(web: Process) -> list[int]:
    """The workers that said so, and how many requests each cut."""
    return [line["requests_cut"] for line in web.logged("drained")]


def assert_left_in_order(web: Process, count: int) -> None:
    """So many workers went by themselves, having cut nothing."""
    assert drained(web) == [0] * count
    assert not FORCED.search(web.output())


@pytest.fixture
def service(own_service: Callable[..., Service]) -> Service:
    return own_service()


@pytest.fixture
def crowds(service: Service, alice: Person) -> Iterator[list[Crowd]]:
    """She, on each transport."""
    made = [
        Crowd(service.url, 5, alice.token, transports=transports)
        for transports in (["websocket"], ["polling"], ["polling", "websocket"])
    ]
    for people in made:
        people.wait_all("connect")
    made[2].wait_all("upgrade")
    yield made
    for people in made:
        people.leave()


def test_sigterm_finishes_requests_and_sends_clients_away(
    service: Service, alice: Person, crowds: list[Crowd]
) -> None:
    web = service.web
    assert web is not None
    with closing(SlowRequest(service.port)) as slow, closing(SlowRequest(service.port)) as asks:
        os.kill(web.pid, signal.SIGTERM)
        for people in crowds:
            people.wait("disconnect", people.count)
        assert not listens(service.port)
        assert web.is_running()  # it waits for the requests
        answer = slow.finish()
        last = asks.finish(b"GET /readyz HTTP/1.1\r\nHost: shop\r\n\r\n")

    for text in (answer, last):
        assert text.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nConnection: close\r\n" in text
        assert b'"code":' in text
    # Who asks behind a request in flight hears nothing more, or that this process is not ready.
    assert last.count(b"HTTP/1.1 ") == 1 or b"HTTP/1.1 503 " in last
    assert web.wait() == 0
    assert_left_in_order(web, 1)
    for people in crowds:
        told = people.all("disconnect")
        assert {line["reason"] for line in told} <= AT_ENGINE_LEVEL
        assert all(line["active"] for line in told)  # they will come back


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_requests_that_have_arrived_when_the_process_goes_are_served(tmp_path: Path) -> None:
    """On keep-alive connections, which wait without a greenlet: stopped, the worker finds all of
    it at once, the signal and the requests."""
    server = EchoServer(tmp_path)
    (worker,) = server.workers()
    with ExitStack() as stack:
        lines = []
        for _ in range(50):
            line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
            stack.callback(line.close)
            line.request("GET", "/nothing")
            assert line.getresponse().read()
            lines.append(line)
        os.kill(worker, signal.SIGSTOP)
        for line in lines:
            line.request("GET", "/nothing")
        os.kill(server.process.pid, signal.SIGTERM)
        os.kill(worker, signal.SIGTERM)
        os.kill(worker, signal.SIGCONT)
        assert [line.getresponse().status for line in lines] == [404] * 50
    assert server.process.wait() == 0
    assert not FORCED.search(server.process.output())


def test_a_request_that_is_on_its_way_when_the_process_goes_is_served(tmp_path: Path) -> None:
    """The race of every deploy: connected, or with half a head sent, and the signal comes before
    the rest does. Those that wait between two requests are closed meanwhile."""
    server = EchoServer(tmp_path)
    used, half, new = (socket.create_connection(("127.0.0.1", server.port)) for _ in range(3))
    with closing(used), closing(half), closing(new):
        for line in (used, half, new):
            line.settimeout(DEADLINE_SECONDS)
        used.sendall(REQUEST)
        assert used.recv(65_536).startswith(b"HTTP/1.1 404 ")
        half.sendall(REQUEST[:20])
        os.kill(server.process.pid, signal.SIGTERM)
        while used.recv(65_536):
            pass  # until it is closed: the process goes
        with pytest.raises(TimeoutError):  # and looks again and again whether it may
            wait_until(lambda: not server.process.is_running(), "it is gone", seconds=0.3)
        new.sendall(REQUEST)
        half.sendall(REQUEST[20:])
        for line in (new, half):
            answer = b"".join(iter(lambda: line.recv(65_536), b""))  # noqa: B023
            assert answer.startswith(b"HTTP/1.1 404 ")
            assert b"\r\nConnection: close\r\n" in answer
    assert server.process.wait() == 0
    assert not FORCED.search(server.process.output())


def test_hup_sends_clients_to_the_new_worker_where_they_are_recovered(
    service: Service, alice: Person, crowds: list[Crowd]
) -> None:
    web = service.web
    assert web is not None
    old = workers(web.pid)
    notes = [notify(service.url, alice.id, title="before")]
    for people in crowds:
        people.wait_all("event")
    with closing(SlowRequest(service.port)) as slow:
        os.kill(web.pid, signal.SIGHUP)
        for people in crowds:
            people.wait("disconnect", people.count)
        notes.append(notify(service.url, alice.id, title="while it goes"))
        assert slow.finish().startswith(b"HTTP/1.1 401 ")
    for people in crowds:
        people.wait("connect", 2 * people.count)
    notes.append(notify(service.url, alice.id, title="after"))

    wait_until(lambda: set(old).isdisjoint(workers(web.pid)), "the old process is gone")
    for people in crowds:
        people.wait_all("event", 3)
        people.wait_all("connect", 2)
        told = people.all("disconnect")
        assert {line["reason"] for line in told} <= AT_ENGINE_LEVEL
        assert all(line["recovered"] for line in people.all("connect")[people.count :])
        for n in range(people.count):
            heard = [line["args"][0] for line in people.all("event") if line["n"] == n]
            assert heard == notes
        assert people.troubles() == []
    assert_left_in_order(web, 1)


def test_what_a_client_is_told_when_its_worker_goes(tmp_path: Path) -> None:
    """Engine.IO's CLOSE, and on a WebSocket "going away"; never Socket.IO's DISCONNECT."""
    server = EchoServer(tmp_path)
    with raw_websocket(server.url) as upgraded, raw_polling(server.url) as polling:
        for client in (upgraded, polling):
            client.say("40")
            assert client.hear().startswith("40")
            assert client.hear() == '42["auth",{}]'
        last: list[str] = []
        waiting = threading.Thread(target=lambda: last.append(polling.hear()))
        waiting.start()
        os.kill(server.process.pid, signal.SIGTERM)
        waiting.join()
        assert last == [CLOSE]
        assert upgraded.hear() == CLOSE
        upgraded.socket.close()
        assert upgraded.socket.close_code == 1001
    assert server.process.wait() == 0


def test_a_request_that_outlives_the_patience_is_cut_by_the_worker_itself(tmp_path: Path) -> None:
    """Not by the master, with SIGKILL."""
    server = EchoServer(tmp_path)
    (worker,) = server.workers()
    with raw_polling(server.url) as client:
        path = f"{ENGINE}polling&sid={client.opened['sid']}"
        with closing(SlowRequest(server.port, path)):
            assert server.stop() == 0
    assert f"Worker exiting (pid: {worker})" in server.process.output()
    assert not FORCED.search(server.process.output())
