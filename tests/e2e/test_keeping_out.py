"""Commands that keep somebody out, with sockets in two processes."""

from collections.abc import Callable

from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person
from tests.harness.processes.service import Service

NODE = Callable[..., StockClient]


def test_a_disabled_user_loses_every_socket_and_gets_no_new_one(
    service: Service, other: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    phone = alice.elsewhere()
    hers = [
        stock_client(where.url, who.token) for where in (service, other) for who in (alice, phone)
    ]
    his = stock_client(other.url, bob.token)
    for client in (*hers, his):
        client.wait("connect")
    email, password = alice.credentials

    done = service.flask("users", "disable", email)

    assert done.stdout == f"disabled user {alice.id} ({email}): 2 sessions, 4 sockets\n"
    for client in hers:
        assert client.wait("disconnect")["reason"] == "io server disconnect"
        client.tell(connect=True)
        assert client.wait("connect_error")["data"] == {"code": "token_revoked"}
    body = {"email": email, "password": password}
    refused = alice.http.post(f"{other.url}/api/auth/login", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "account_disabled")
    body = {"refreshToken": phone.refresh_token}
    assert alice.http.post(f"{other.url}/api/auth/refresh", json=body).status_code == 401
    assert service.flask("users", "enable", alice.id).returncode == 0
    back = stock_client(other.url, alice.elsewhere(other.url).token)
    back.wait("connect")
    assert his.all("disconnect") == []


def test_another_role_sends_the_sockets_for_another_token(
    service: Service, other: Service, alice: Person, stock_client: NODE
) -> None:
    """Only the transport closes: the client comes back, and is told to refresh its token."""
    clients = [stock_client(where.url, alice.token) for where in (service, other)]
    for client in clients:
        client.wait("connect")

    done = service.flask("users", "role", alice.id, "seller")

    assert done.stdout == f"user {alice.id} ({alice.credentials[0]}) is seller now: 2 sockets\n"
    for client in clients:
        assert client.wait("disconnect")["reason"] != "io server disconnect"
        assert client.wait("connect_error")["data"] == {"code": "token_expired"}
    body = {"refreshToken": alice.refresh_token}
    pair = alice.http.post(f"{service.url}/api/auth/refresh", json=body).json()
    seller = stock_client(other.url, pair["accessToken"])
    seller.wait("connect")
    assert alice.call("GET", "/api/auth/me").status_code == 401


def test_a_process_that_does_not_answer_is_not_guessed(
    own_service: Callable[..., Service],
    person_at: Callable[[Service, str], Person],
    stock_client: NODE,
) -> None:
    service = own_service()
    alice = person_at(service, "customer")
    stock_client(service.url, alice.token).wait("connect")
    broken = dict(service.env, REDIS_URL="redis://127.0.0.1:1/0")
    service.env, kept = broken, service.env
    done = service.flask("disconnect", "--user", alice.id)
    service.env = kept
    assert (done.returncode, done.stdout) == (
        0,
        f"disconnected user {alice.id} ({alice.credentials[0]}):"
        " sockets unknown: no web process answered\n",
    )
