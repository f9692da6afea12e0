"""Connections without a verified token have a budget of their own, and shut nobody out."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from tests.harness.clients import loopback
from tests.harness.clients.admission import admit, admitted
from tests.harness.clients.framed import ENGINE, UPGRADE, Wire, wire
from tests.harness.clients.raw import CLOSE, DISCONNECT, introduce, raw_polling
from tests.harness.people.person import signed
from tests.harness.processes.limited import Limited
from tests.harness.processes.process import BIN, Process
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

CLOSED = 'ordercast_connections_closed_total{why="unauthenticated"}'
TRY_AGAIN, NORMAL = 1013, 1000


def handshake(http: httpx.Client, service: Service) -> str:
    """Over long-polling -> its sid."""
    answer = http.get(f"{service.url}{ENGINE}polling")
    assert answer.status_code == 200, answer.text
    return str(answer.text.split('"sid":"')[1].split('"')[0])


def is_known(http: httpx.Client, service: Service, sid: str) -> bool:
    """Whether the session is there: asked with a packet that means nothing."""
    url = f"{service.url}{ENGINE}polling&sid={sid}"
    return http.post(url, content="6").status_code == 200


def test_a_hundred_handshakes_shut_out_nobody(limited: Limited) -> None:
    service = limited(MAX_CONNECTIONS="100", CONNECT_TIMEOUT="0")
    with ExitStack() as stack, loopback.Client() as http:
        before = admitted(stack, service)
        crowd = [stack.enter_context(wire(service.port)) for _ in range(100)]
        sids = [handshake(http, service) for _ in range(100)]

        admit(stack.enter_context(wire(service.port)))
        polls = stack.enter_context(raw_polling(service.url))
        admit(polls)

        # As many as the budget are open, the youngest, and those with a token were not touched.
        assert [is_known(http, service, sid) for sid in sids] == [False] + [True] * 99
        assert all(client.close_code() == TRY_AGAIN for client in crowd)
        assert before.answers()
        assert service.metric(CLOSED) == 101


def test_handshakes_beyond_the_budget_close_the_oldest(limited: Limited) -> None:
    service = limited(MAX_UNAUTHENTICATED_CONNECTIONS="3", CONNECT_TIMEOUT="0")
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(wire(service.port)) for _ in range(3))
        second.say(introduce("wrong"))  # a refused token is none
        assert second.hear().startswith("44{")
        admit(third)
        fourth = stack.enter_context(wire(service.port))  # in third's place
        assert first.answers()

        fifth = stack.enter_context(wire(service.port))
        assert first.close_code() == TRY_AGAIN
        sixth = stack.enter_context(wire(service.port))
        assert second.close_code() == TRY_AGAIN
        assert all(client.answers() for client in (third, fourth, fifth, sixth))


def test_an_address_that_hammers_pushes_out_its_own(limited: Limited) -> None:
    service = limited(MAX_UNAUTHENTICATED_CONNECTIONS="10", CONNECT_TIMEOUT="0")
    with ExitStack() as stack:
        client = stack.enter_context(wire(service.port))  # older than all that come
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=elsewhere) as http:
            for _ in range(50):
                assert http.get(f"{service.url}{ENGINE}polling").status_code == 200
        admit(client)
        assert service.metric(CLOSED) == 41


def test_zero_is_no_budget(limited: Limited) -> None:
    service = limited(MAX_UNAUTHENTICATED_CONNECTIONS="0", MAX_CONNECTIONS="2", CONNECT_TIMEOUT="0")
    with loopback.Client() as http:
        sids = [handshake(http, service) for _ in range(120)]
        assert all(is_known(http, service, sid) for sid in sids)


def test_a_place_is_taken_when_the_token_is_good_and_not_before(limited: Limited) -> None:
    """Two handshakes for the last place: the second is sent away by its transport, to come again;
    a connect_error would keep a stock client from that."""
    service = limited(MAX_CONNECTIONS="1")
    with ExitStack() as stack:
        first, second = (stack.enter_context(wire(service.port)) for _ in range(2))
        admit(second)
        first.say(introduce(signed()))
        assert first.close_code() == TRY_AGAIN
        service.wait_for_connections(1)
        assert second.answers()
        assert loopback.get(f"{service.url}{ENGINE}polling").status_code == 503


def test_a_closed_session_that_waits_for_its_last_poll_takes_no_place(limited: Limited) -> None:
    service = limited(MAX_CONNECTIONS="1", MAX_CONNECTIONS_PER_ADDRESS="1")
    for _ in range(5):
        with raw_polling(service.url) as polls:
            admit(polls)
            polls.say(CLOSE)
            # Its answer to a last poll is kept for twenty seconds.
    with wire(service.port) as client:
        admit(client)


def test_one_that_has_left_the_namespace_is_without_a_token_again(limited: Limited) -> None:
    service = limited(MAX_UNAUTHENTICATED_CONNECTIONS="2")
    with ExitStack() as stack:
        first, second, third = (admitted(stack, service) for _ in range(3))
        for client in (first, second):
            client.say(DISCONNECT)
            assert client.answers()
        admit(first)
        first.say(DISCONNECT)  # later than the second
        assert first.answers()
        newest = stack.enter_context(wire(service.port))
        assert second.close_code() == TRY_AGAIN
        assert all(client.answers() for client in (first, third, newest))


def test_one_that_has_left_the_namespace_has_the_time_of_a_new_one(limited: Limited) -> None:
    service = limited(CONNECT_TIMEOUT="2")
    with ExitStack() as stack:
        staying, leaving = (admitted(stack, service) for _ in range(2))
        for _ in range(3):
            leaving.say(DISCONNECT)
            admit(leaving)
        polls = stack.enter_context(raw_polling(service.url))
        admit(polls)
        for client in (leaving, polls):
            client.say(DISCONNECT)
        assert leaving.close_code() == NORMAL
        assert polls.hear() == CLOSE
        assert staying.answers()


@contextmanager
def unix_wire(path: Path) -> Iterator[Wire]:
    """An open WebSocket over a Unix socket; AssertionError when it is refused."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.connect(str(path))
        connection.sendall(f"GET {ENGINE}websocket HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        opened = Wire(connection)
        try:
            assert opened.head() == "HTTP/1.1 101 Switching Protocols"
            assert opened.hear().startswith("0{")
            yield opened
        finally:
            opened.close()


def test_clients_of_a_unix_socket_have_no_address_to_be_limited_by(
    sqlite_url: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    service = Service(
        tmp_path,
        database_url=sqlite_url,
        redis_url=redis_server.url,
        MAX_CONNECTIONS_PER_ADDRESS="2",
        MAX_UNAUTHENTICATED_CONNECTIONS="4",
    )
    path = tmp_path / "web.sock"
    command = [str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app"]
    command += ["--bind", f"unix:{path}"]
    web = Process(command, env=service.env, log=tmp_path / "web.log")
    try:
        wait_until(lambda: path.exists() and web.logged("following the journal"), "it serves")
        for _ in range(5):
            with unix_wire(path) as client:
                admit(client)
        with ExitStack() as stack:
            clients = [stack.enter_context(unix_wire(path)) for _ in range(6)]
            assert clients[0].close_code() == clients[1].close_code() == TRY_AGAIN
            for client in clients[2:]:
                admit(client)
    finally:
        assert web.stop() == 0
