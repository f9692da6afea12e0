"""A session that ends takes its sockets with it, in every process, and nobody else's."""

import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

from tests.harness.clients.raw import DISCONNECT, introduce
from tests.harness.clients.stock import VERSIONS, StockClient
from tests.harness.people.person import Person, claim, notify
from tests.harness.processes.service import Service
from tests.harness.waiting import DEADLINE_SECONDS

NODE = Callable[..., StockClient]
CLAIMS = {"session": "session", "token": "jti"}
GOODBYE = {"reason": "io server disconnect", "active": False}  # it does not come back by itself


def connected(client: StockClient) -> StockClient:
    client.wait("connect")
    return client


def assert_dismissed(client: StockClient) -> None:
    """It was told so, and with the same token it does not get in again."""
    told = client.wait("disconnect")
    assert GOODBYE.items() <= told.items()
    client.tell(connect=True)
    refused = client.wait("connect_error")
    assert (refused["message"], refused["data"]) == ("Invalid token", {"code": "token_revoked"})
    assert len(client.all("connect")) == 1


def assert_stayed(service: Service, user_id: str, clients: list[StockClient]) -> None:
    """They still get what comes after, on the connection that they had."""
    notify(service.url, user_id)
    for client in clients:
        client.wait_event("notification")
        assert (len(client.all("connect")), client.all("disconnect")) == (1, [])


def test_logout_closes_the_sessions_sockets_in_every_process(
    service: Service, other: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    phone = alice.elsewhere()
    session = [
        connected(stock_client(where.url, alice.token, version=version, transports=[transport]))
        for where in (service, other)
        for version, transport in zip(VERSIONS, ("websocket", "polling"), strict=True)
    ]
    stays = [connected(stock_client(where.url, phone.token)) for where in (service, other)]
    stranger = connected(stock_client(other.url, bob.token))

    alice.post("/api/auth/logout")

    for client in session:
        assert_dismissed(client)
    assert_stayed(service, alice.id, stays)
    assert_stayed(service, bob.id, [stranger])
    assert alice.call("GET", "/api/auth/me").status_code == 401
    assert phone.get("/api/auth/me")["id"] == alice.id


@pytest.mark.parametrize("kind", ["session", "token", "user"])
def test_the_revoke_command_does_the_same(
    service: Service, other: Service, alice: Person, bob: Person, stock_client: NODE, kind: str
) -> None:
    phone = alice.elsewhere()
    clients = [
        connected(stock_client(where.url, who.token))
        for who in (alice, phone)
        for where in (service, other)
    ]
    stranger = connected(stock_client(service.url, bob.token))
    value = alice.id if kind == "user" else claim(alice.token, CLAIMS[kind])

    done = service.flask("revoke", f"--{kind}", value)

    sockets = 4 if kind == "user" else 2
    assert (done.returncode, done.stdout.startswith("revoked ")) == (0, True), done.stderr
    assert f"{sockets} sockets" in done.stdout
    assert (alice.credentials[0] in done.stdout) is (kind != "token")
    dismissed, stay = (clients, []) if kind == "user" else (clients[:2], clients[2:])
    for client in dismissed:
        assert_dismissed(client)
    assert_stayed(service, alice.id, stay)
    assert_stayed(service, bob.id, [stranger])


def test_a_dismissed_websocket_is_closed_under_a_client_that_ignores_it(
    service: Service, alice: Person
) -> None:
    """It answers neither the good-bye nor the close frame, and would go on holding the socket."""
    address = f"{service.url.replace('http', 'ws', 1)}/socket.io/?EIO=4&transport=websocket"
    with socket.create_connection(("127.0.0.1", service.port), timeout=DEADLINE_SECONDS) as rude:
        speaker = ClientProtocol(parse_uri(address))
        speaker.send_request(speaker.connect())
        rude.sendall(b"".join(speaker.data_to_send()))
        while speaker.state is not State.OPEN:
            speaker.receive_data(rude.recv(4096))
        speaker.send_text(introduce(alice.token).encode())
        rude.sendall(b"".join(speaker.data_to_send()))
        service.wait_for_connections(1)

        alice.post("/api/auth/logout")

        heard = b"".join(iter(lambda: rude.recv(4096), b""))  # until its end: TCP is closed
    assert DISCONNECT.encode() in heard
    service.wait_for_connections(0)


def test_the_next_request_is_refused_in_every_process(
    service: Service, other: Service, alice: Person
) -> None:
    """Each process has answered the session just now, and trusts its memory."""
    for _ in range(5):
        phone = alice.elsewhere()
        there = replace(phone, url=other.url)
        assert is_refused(phone, there) == [False, False]
        phone.post("/api/auth/logout")
        assert is_refused(there, phone) == [True, True]

    assert is_refused(alice) == [False]
    assert service.flask("revoke", "--user", alice.id).returncode == 0
    assert is_refused(alice, replace(alice, url=other.url)) == [True, True]


def is_refused(*people: Person) -> list[bool]:
    """Whether the next request of each is refused as revoked."""
    answers = [person.call("GET", "/api/auth/me") for person in people]
    return ["token_revoked" in answer.text for answer in answers]
