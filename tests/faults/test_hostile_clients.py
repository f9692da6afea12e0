"""Clients that mean harm: they cost the worker little memory, and the others no answer.

One worker goes through all of it: what each attack leaves behind adds up.
"""

import json
import resource
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.harness.clients import loopback
from tests.harness.clients.framed import ENGINE, PING, PONG, TEXT, UPGRADE, Wire, wire
from tests.harness.clients.frames import client_frame
from tests.harness.clients.witness import witness
from tests.harness.processes.workers import FORCED, EchoServer, descriptors, megabytes
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

MOST_MEGABYTES = 60  # that the worker may have grown by, after all of it
SPARE = 5  # descriptors
HALF_OPEN, SESSIONS, MANY = 10_000, 2_000, 100
INVALID, TOO_BIG, PROTOCOL = 1007, 1009, 1002
TERABYTE = 10**12
LIMIT = 1_000_000  # of a message, tests/conformance/server.py
PART = b"x" * 60_000
MESSAGE = '42["message","%s"]'


@pytest.fixture(scope="module", autouse=True)
def many_files() -> None:
    """Two ends of ten thousand connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert most > HALF_OPEN + 1000, f"raise the limit of open files (ulimit -Hn), it is {most}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Target(EchoServer):
    """A server whose one worker is warm; what it takes now is what it is measured by."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.worker,) = self.workers()
        cold = descriptors(self.worker)
        with witness(self.port) as told:
            wait_until(lambda: told.answers > 100, "it is warm")
        wait_until(lambda: descriptors(self.worker) <= cold, "the witness has left")
        self._files, self._megabytes = descriptors(self.worker), megabytes(self.worker)

    def growth(self) -> float:
        """Megabytes since then."""
        assert self.workers() == [self.worker]
        return megabytes(self.worker) - self._megabytes

    def open_files(self) -> int:
        """Since then."""
        return descriptors(self.worker) - self._files

    def session(self) -> str:
        """A new one over long-polling, without a Socket.IO CONNECT."""
        return str(json.loads(loopback.get(f"{self.url}{ENGINE}polling").text[1:])["sid"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    server = Target(tmp_path_factory.mktemp("hostile"))
    yield server
    server.stop()


def refused(server: Target, code: int, data: bytes, *, connected: bool = False) -> None:
    """Many clients send this, one after the other, and each is closed with this code."""
    for _ in range(MANY):
        with wire(server.port) as client:
            if connected:
                client.say("40")
                client.hear()
            with suppress(ConnectionError):  # it need not read all of it
                client.connection.sendall(data)
            assert client.close_code() == code


def declare_a_terabyte(server: Target) -> None:
    refused(server, TOO_BIG, client_frame(TEXT, PART, declared=TERABYTE))


def declare_the_most(server: Target) -> None:
    refused(server, TOO_BIG, client_frame(TEXT, PART, declared=2**63 - 1))


def send_unmasked(server: Target) -> None:
    refused(server, PROTOCOL, client_frame(TEXT, b'42["message"]' * 4000, key=None))


def send_no_utf8(server: Target) -> None:
    refused(server, INVALID, client_frame(TEXT, b"4" + b"\xff" * 40_000))


def send_deep_json(server: Target) -> None:
    refused(server, INVALID, client_frame(TEXT, b"42" + b"[" * 30_000), connected=True)
    refused(server, INVALID, client_frame(TEXT, b"40" + b'{"a":' * 20_000), connected=True)


def send_endless_fragments(server: Target) -> None:
    stream = client_frame(TEXT, PART, fin=False)
    stream += client_frame(0, PART, fin=False) * (LIMIT // len(PART))
    for _ in range(MANY // 5):
        refused_one(server, stream)


def refused_one(server: Target, stream: bytes) -> None:
    with wire(server.port) as client:
        with suppress(ConnectionError):
            client.connection.sendall(stream)
        assert client.close_code() == TOO_BIG


def send_empty_fragments(server: Target) -> None:
    start, more = client_frame(TEXT, b"", fin=False), client_frame(0, b"", fin=False)
    with wire(server.port) as client:
        client.connection.sendall(start + more * 60_000)
        client.connection.sendall(client_frame(0, b"40"))
        assert client.hear().startswith("40{")
    for _ in range(5):
        refused_one(server, start + more * 70_000)


def send_what_is_no_message(server: Target) -> None:
    """Twenty at a time, and this server has no limit for it: they take turns with the others."""
    for opcode, payload in (PING, b"?"), (PONG, b""), (TEXT, b"6"), (TEXT, b"3"), (0, b""):
        frames = client_frame(opcode, payload, fin=opcode != 0) * 5000
        with ExitStack() as stack:
            clients = [stack.enter_context(wire(server.port)) for _ in range(20)]
            for client in clients:
                if opcode == 0:
                    client.connection.sendall(client_frame(TEXT, b"", fin=False))
                for _ in range(2):
                    client.connection.sendall(frames)
            for client in clients:
                if opcode == 0:
                    client.connection.sendall(client_frame(0, b"3"))
                assert client.answers()


def leave_within_messages(server: Target) -> None:
    """Before the last fragment, before the attachments, and before the answer to the handshake."""
    started = client_frame(TEXT, PART, fin=False) + client_frame(0, PART, fin=False) * 14
    attached = client_frame(TEXT, b'451-["message",{"_placeholder":true,"num":0}]')
    for _ in range(2 * MANY):
        with wire(server.port) as client:
            client.connection.sendall(started)
        with wire(server.port) as client:
            client.connection.sendall(attached)
    for _ in range(10 * MANY):
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(f"GET {ENGINE}websocket HTTP/1.1\r\n{UPGRADE}\r\n".encode())


def send_long_heads(server: Target) -> None:
    """One after the other on connections that stay open."""
    head = "GET /nothing HTTP/1.1\r\nHost: a\r\n" + "".join(
        f"X{n}: {'x' * 8000}\r\n" for n in "abc"
    )
    with ExitStack() as stack:
        for _ in range(10):
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS)
            )
            for _ in range(MANY):
                connection.sendall(f"{head}\r\n".encode())
                answer = connection.recv(65_536)
                assert answer.startswith(b"HTTP/1.1 404")
                while not answer.rstrip().endswith(b"</p>"):
                    answer += connection.recv(65_536)


def hold_half_a_head(server: Target) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket()) for _ in range(HALF_OPEN)]
        for client in clients:
            client.connect(("127.0.0.1", server.port))
        wait_until(lambda: server.open_files() > HALF_OPEN, "all are let in", seconds=60)
        # Only now: a head that began has a deadline, and the first would be let go meanwhile.
        for client in clients[::2]:
            client.sendall(b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nX: ")
        assert server.growth() < MOST_MEGABYTES


def hold_sessions_without_connect(server: Target) -> None:
    with loopback.Client() as http, ExitStack() as stack:
        for _ in range(SESSIONS // 2):
            assert http.get(f"{server.url}{ENGINE}polling").text.startswith("0{")
        for _ in range(SESSIONS // 2):
            stack.enter_context(wire(server.port))
        assert server.growth() < MOST_MEGABYTES


def talk(client: Wire, text: str) -> None:
    """Say it over and over; ConnectionError when nobody listens any more."""
    for _ in range(100):
        client.say(text)


def never_read(server: Target) -> None:
    """They ask for much, over a WebSocket, in polls and in a pipeline, and read none of it."""

    with ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(wire(server.port, buffer=4096))
            client.say("40")
            client.hear()
            with pytest.raises(ConnectionError):
                talk(client, MESSAGE % ("x" * 200_000))
        for _ in range(10):
            asking = stack.enter_context(socket.socket())
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            asking.connect(("127.0.0.1", server.port))
            asking.settimeout(0.0)
            with suppress(BlockingIOError, ConnectionError):
                while True:
                    asking.sendall(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" * 500)
        for _ in range(10):
            stack.enter_context(unread_poll(server))
        assert server.growth() < MOST_MEGABYTES


def unread_poll(server: Target) -> socket.socket:
    """A poll that is answered with half a megabyte, which nobody reads."""
    sid = server.session()
    for text in ("40", MESSAGE % ("x" * 500_000)):
        answer = loopback.post(f"{server.url}{ENGINE}polling&sid={sid}", content=text)
        assert answer.text == "ok"
    polling = socket.socket()
    polling.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    polling.connect(("127.0.0.1", server.port))
    polling.sendall(f"GET {ENGINE}polling&sid={sid} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return polling


def write_slowly(server: Target) -> None:
    """Heads, bodies and frames, byte by byte, from many at once."""
    sid = server.session()
    body = b'40\x1e42["message","' + b"x" * 300 + b'"]'
    head = f"POST {ENGINE}polling&sid={sid} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}"
    request = head.encode() + b"\r\n\r\n" + body
    with ExitStack() as stack:
        writers: list[socket.socket] = []
        for _ in range(MANY):
            writer = stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS)
            )
            writer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            writers.append(writer)
        for at in range(len(request)):
            for writer in writers[: MANY if at < len(request) - 1 else 1]:
                writer.sendall(request[at : at + 1])
        assert writers[0].recv(4096).startswith(b"HTTP/1.1 200 ")
        client = stack.enter_context(wire(server.port))
        client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in client_frame(TEXT, b"40" + b" " * 3000):
            client.connection.sendall(bytes((byte,)))
        assert server.growth() < MOST_MEGABYTES


ATTACKS: list[Callable[[Target], None]] = [
    declare_a_terabyte,
    declare_the_most,
    send_unmasked,
    send_no_utf8,
    send_deep_json,
    send_endless_fragments,
    send_empty_fragments,
    send_what_is_no_message,
    leave_within_messages,
    send_long_heads,
    hold_half_a_head,
    hold_sessions_without_connect,
    never_read,
    write_slowly,
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_costs_little_memory_and_shuts_nobody_out(
    server: Target, attack: Callable[[Target], None]
) -> None:
    with witness(server.port) as told:
        attack(server)
        wait_until(lambda: told.answers > 20, "the witness is answered")
    print(f"{attack.__name__}: {server.growth():+.1f} MB")
    assert server.growth() < MOST_MEGABYTES
    wait_until(lambda: server.open_files() <= SPARE, "all connections are closed")


def test_the_worker_had_no_failure_that_it_did_not_expect(server: Target) -> None:
    assert server.stop() == 0
    assert not FORCED.search(server.process.output())
