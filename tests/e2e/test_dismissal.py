"""Revocations and disconnects close their connections when no worker runs, and without Redis."""

from collections.abc import Callable

import pytest

from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, claim
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer

NODE = Callable[..., StockClient]


@pytest.mark.parametrize("stopped", ["the worker", "the worker and Redis"])
def test_who_is_revoked_or_disconnected_is_closed_all_the_same(
    own_service: Callable[..., Service],
    own_redis: RedisServer,
    person_at: Callable[[Service, str], Person],
    stock_client: NODE,
    stopped: str,
) -> None:
    service = own_service()
    people = [person_at(service, "customer") for _ in range(5)]
    clients = [
        stock_client(service.url, person.token, transports=[transport])
        for person, transport in zip(people, ["websocket", "polling"] * 3, strict=False)
    ]
    for client in clients:
        client.wait("connect")
    assert service.worker is not None
    service.worker.stop()
    if stopped == "the worker and Redis":
        own_redis.stop()

    user, session, logged_out, disconnected, stays = people
    done = [
        service.flask("revoke", "--user", user.id),
        service.flask("revoke", "--session", claim(session.token, "session")),
        service.flask("disconnect", "--user", disconnected.id),
    ]
    assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
    logged_out.post("/api/auth/logout")

    for client in clients[:4]:
        assert client.wait("disconnect")["reason"] == "io server disconnect"
    for client, person in zip(clients[:4], people, strict=False):
        client.tell(connect=True)
        if person is disconnected:
            client.wait("connect", 2)
        else:
            assert client.wait("connect_error")["data"] == {"code": "token_revoked"}
    assert clients[4].all("disconnect") == []
    assert stays.get("/api/auth/me")["id"] == stays.id
