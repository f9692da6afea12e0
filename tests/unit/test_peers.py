"""What a process takes from other hosts, and how a request is made its connection's last."""

import hmac
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import gevent.socket
import orjson
import pytest

from ordercast.private_address import PrivateAddress
from ordercast.transport.peers import LENGTHS, MAX_BYTES, Peers, last_request
from ordercast.transport.timers import Timers
from tests.harness.waiting import DEADLINE_SECONDS

KEY = b"what all hosts know"
NAME = "abcdefgh"


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ("Host: a\r\n\r\n", "Host: a\r\n\r\n"),
        ("Connection: x\r\nHost: a\r\nCONNECTION: y\r\n\r\nbody\n\n", "Host: a\r\n\r\nbody\n\n"),
        ("\r\n", "\r\n"),
        ("Host: a\n\nConnection: x\r\n\r\n", "Host: a\n\nConnection: x\r\n\r\n"),
    ],
)  # fmt: skip
def test_a_request_is_made_the_last_of_its_connection(fields: str, kept: str) -> None:
    raw, last = (f"GET / HTTP/1.1\r\n{more}" for more in (fields, f"Connection: close\r\n{kept}"))
    assert last_request(raw.encode()) == last.encode()


class OneProcess:
    """A directory of this process alone."""

    def __init__(self) -> None:
        self.address: Any = None

    def announce(self, name: str, address: tuple[str, int]) -> None:
        assert name == NAME
        self.address = address

    def withdraw(self, name: str) -> None:
        self.address = None

    def find(self, name: str) -> Any:
        return self.address

    def drop(self, name: str) -> None:
        self.address = None


def introduction(owner: str = NAME, client: Any = ("203.0.113.7", 4242)) -> bytes:
    return orjson.dumps({"owner": owner, "client": client})


def offer(
    head: bytes, request: bytes = b"GET / HTTP/1.1\r\n\r\n", *, key: bytes = KEY
) -> list[Any]:
    """What a process serves of this, which another host offers; it refuses by closing."""
    served: list[Any] = []

    def serve(connection: Any, address: Any, data: bytes) -> None:
        served.append((address, data))
        connection.close()

    directory = OneProcess()
    peers = Peers(PrivateAddress("127.0.0.1"), directory, lambda: KEY, Timers())
    peers.start(NAME, serve)
    with gevent.socket.create_connection(directory.address, timeout=10) as peer:
        challenge = peer.recv(32)
        message = LENGTHS.pack(len(head), len(request)) + head + request
        peer.sendall(hmac.digest(key, challenge + message, "sha256") + message)
        with suppress(ConnectionResetError):  # what is too large is not read
            assert peer.recv(1) == b""
    peers.stop()
    assert directory.address is None
    return served


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Where a process listens that serves nothing of this."""
    directory = OneProcess()
    peers = Peers(PrivateAddress("127.0.0.1"), directory, lambda: KEY, Timers())
    peers.start(NAME, lambda *_: pytest.fail("nothing was offered"))
    yield directory.address
    peers.stop()


def test_whoever_asks_only_whether_a_process_is_there_is_no_complaint(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    with gevent.socket.create_connection(address, timeout=10) as peer:
        assert len(peer.recv(32)) == 32
    with gevent.socket.create_connection(address, timeout=10) as peer:
        assert len(peer.recv(32)) == 32  # the one before is through
    assert caplog.text.count("refused") == 0


def test_a_stranger_that_sends_byte_by_byte_is_cut_off(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    with gevent.socket.create_connection(address, timeout=10) as peer:
        peer.recv(32)
        deadline = time.monotonic() + DEADLINE_SECONDS
        with suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < deadline:
                peer.sendall(b"x")
                gevent.sleep(0.1)
    assert time.monotonic() < deadline
    assert caplog.records[-1].error == "too slow"  # type: ignore[attr-defined]


def test_a_request_of_another_host_is_served_as_the_clients() -> None:
    assert offer(introduction(), b"GET") == [(("203.0.113.7", 4242), b"GET")]
    assert offer(introduction(client=""), b"GET") == [("", b"GET")]  # of a Unix socket


@pytest.mark.parametrize(
    ("head", "key"),
    [
        (introduction(), b"another key"),
        (introduction(owner="somebody"), KEY),  # the port was another process's before
        (b"{}", KEY),
        (b"[]", KEY),
        (b"no JSON", KEY),
        (introduction() + b" " * MAX_BYTES, KEY),
    ],
)
def test_what_is_not_from_another_host_or_not_for_this_process_is_refused(
    head: bytes, key: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert offer(head, key=key) == []
    assert "hand-over of another host refused" in caplog.text
