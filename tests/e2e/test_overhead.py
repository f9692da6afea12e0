"""What a client sends that brings no message is counted; behind its end nothing is read."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.harness.clients import loopback
from tests.harness.clients.admission import admitted
from tests.harness.clients.framed import CLOSE, ENGINE, PING, PONG, TEXT, UPGRADE, Wire
from tests.harness.clients.frames import client_frame
from tests.harness.clients.raw import raw_polling
from tests.harness.processes.limited import Limited
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

FLOOD = 'ordercast_connections_closed_total{why="flood"}'
NORMAL, POLICY, TOO_BIG = 1000, 1008, 1009
MANY = 20_000
START, MORE = client_frame(TEXT, fin=False), client_frame(0, fin=False)
FLOODS = {
    "pings": client_frame(PING) * MANY,
    "pings that say something": client_frame(PING, b"x" * 125) * MANY,
    "pongs": client_frame(PONG) * MANY,
    "engine pongs": client_frame(TEXT, b"3") * MANY,
    "noops": client_frame(TEXT, b"6") * MANY,
    "empty fragments": START + MORE * MANY,
    "short fragments": START + client_frame(0, b"x", fin=False) * MANY,
    "messages in fragments": (client_frame(TEXT, b"4", fin=False) + client_frame(0, b'2["x"]'))
    * MANY,
}


def test_frames_without_a_message_are_limited_as_messages_are(limited: Limited) -> None:
    service = limited()
    with ExitStack() as stack:
        for name, flood in FLOODS.items():
            client = admitted(stack, service)
            client.flood(flood)
            assert client.close_code() == POLICY, name
        assert service.metric(FLOOD) == len(FLOODS)


def test_a_client_that_sends_all_that_it_may_stays(limited: Limited) -> None:
    """As many messages as are allowed, each in eight fragments, and more beside them."""
    service = limited(MAX_EVENTS_PER_SECOND="10")
    text = b'42["anything","' + b"x" * 60_000 + b'"]'
    pieces = [text[at : at + 8000] for at in range(0, len(text), 8000)]
    message = client_frame(TEXT, pieces[0], fin=False)
    message += b"".join(client_frame(0, piece, fin=False) for piece in pieces[1:-1])
    message += client_frame(0, pieces[-1])
    with ExitStack() as stack:
        client = admitted(stack, service)
        client.connection.sendall((message + client_frame(PONG, b"!") * 2) * 9)
        client.connection.sendall(client_frame(PONG) * 50 + client_frame(TEXT, b"6") * 20)
        assert client.answers()
    assert service.metric(FLOOD) == 0


def test_packets_without_a_message_count_in_a_post_and_while_a_session_upgrades(
    limited: Limited,
) -> None:
    service = limited()
    with raw_polling(service.url) as polls:
        polls.say("\x1e".join(["6", "3"] * 10_000))
        url = f"{service.url}{ENGINE}polling&sid={polls.opened['sid']}"
        assert loopback.post(url, content="6").status_code == 400
    for frame in (client_frame(TEXT, b"2probe"), client_frame(PING)):
        with raw_polling(service.url) as polls, probe(service.port, polls.opened["sid"]) as asks:
            asks.say("2probe")
            assert asks.hear() == "3probe"
            asks.flood(frame * MANY)
            assert asks.close_code() == POLICY
    assert service.metric(FLOOD) == 3


@contextmanager
def probe(port: int, sid: str) -> Iterator[Wire]:
    """A WebSocket on which a polling session may ask to upgrade."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as connection:
        head = f"GET {ENGINE}websocket&sid={sid} HTTP/1.1\r\n{UPGRADE}\r\n"
        connection.sendall(head.encode())
        opened = Wire(connection)
        try:
            assert opened.head() == "HTTP/1.1 101 Switching Protocols"
            yield opened
        finally:
            opened.close()


BAD = {
    TOO_BIG: client_frame(TEXT, declared=1_000_000),
    1007: client_frame(TEXT, b"\xff"),
    1002: client_frame(3),
    POLICY: client_frame(TEXT, b'42["anything"]') * 200,
}


@pytest.mark.parametrize("code", BAD)
def test_one_that_was_told_why_is_not_read_on(limited: Limited, code: int) -> None:
    """A closed session's bytes stay in the kernels' buffers: what is sent beyond them, waits."""
    service = limited()
    with ExitStack() as stack:
        client = admitted(stack, service)
        client.connection.sendall(BAD[code])
        wait_until(lambda: service.metric("ordercast_connections") == 0, "it is told")
        sent, piece = 0, bytes(262_144)
        with suppress(ConnectionError):
            while sent < 100_000_000:
                sent += client.connection.send(piece)
        assert client.close_code() == code  # it was there to be read all the time
        assert sent < 20_000_000  # which two kernels hold


def test_one_that_was_told_and_closes_is_let_go_at_once(limited: Limited) -> None:
    service = limited()
    with ExitStack() as stack:
        for _ in range(20):
            client = admitted(stack, service)
            client.connection.sendall(BAD[TOO_BIG] + bytes(5000))
            assert client.close_code() == TOO_BIG
            client.connection.sendall(client_frame(CLOSE, TOO_BIG.to_bytes(2, "big")))
            client.connection.shutdown(socket.SHUT_WR)
            assert client.connection.recv(1) == b""
