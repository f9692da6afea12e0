"""A pid is no credential: the token is verified at every connect, and decides whose events come."""

import time
from collections.abc import Callable
from typing import Any

from tests.harness.clients.audience import NODE, places, seen
from tests.harness.clients.recovering import RecoveringClient
from tests.harness.clients.stock import StockClient
from tests.harness.faults.proxy import Proxy
from tests.harness.people.person import Person, claim, signed
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

NETWORK = Callable[[Service], Proxy]


def refusal(client: StockClient) -> dict[str, Any]:
    """Once it was told and has given up."""
    wait_until(lambda: [one for one in client.all("connect_error") if not one["active"]], "refused")
    told = client.all("connect_error")[-1]
    return {key: told[key] for key in ("message", "data", "active")}


def refused(code: str) -> dict[str, Any]:
    return {"message": "Invalid token", "data": {"code": code}, "active": False}


def test_a_token_that_expired_meanwhile_is_refused_and_a_new_one_recovers(
    service: Service, alice: Person, bob: Person, stock_client: NODE, network: NETWORK
) -> None:
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    token = signed(sub=bob.id, role="seller", exp=int(time.time()) + 4)
    seller = stock_client(wifi.url, token)
    seller.wait_settled()
    wifi.down()
    seller.wait("disconnect")
    orders = places(alice, product, 2)
    wait_until(lambda: time.time() > claim(token, "exp"), "the token has expired")
    wifi.up()

    assert refusal(seller) == refused("token_expired")
    assert seller.events() == []

    seller.tell(auth={"token": bob.token})
    seller.tell(connect=True)
    assert seller.wait("connect", 2)["recovered"] is True
    seller.wait_event("order:new", 2)
    assert seen(seller) == orders


def test_a_token_that_was_revoked_meanwhile_is_refused_and_a_new_login_recovers(
    service: Service, alice: Person, bob: Person, stock_client: NODE, network: NETWORK
) -> None:
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    seller = stock_client(wifi.url, bob.token)
    seller.wait_settled()
    wifi.down()
    seller.wait("disconnect")
    orders = places(alice, product, 2)
    bob.post("/api/auth/logout")
    wifi.up()

    assert refusal(seller) == refused("token_revoked")
    assert seller.events() == []

    seller.tell(auth={"token": bob.elsewhere().token})
    seller.tell(connect=True)
    assert seller.wait("connect", 2)["recovered"] is True
    seller.wait_event("order:new", 2)
    assert seen(seller) == orders


def test_a_logout_says_good_bye_and_a_new_login_recovers(
    service: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    """After a server disconnect the client does not come back by itself."""
    product = bob.offers(stock=100, lowStockThreshold=0)
    seller = stock_client(service.url, bob.token)
    seller.wait("connect")
    bob.post("/api/auth/logout")
    assert seller.wait("disconnect")["reason"] == "io server disconnect"
    assert seller.wait("disconnect")["active"] is False
    again = bob.elsewhere()
    orders = places(alice, product, 2)
    seller.tell(auth={"token": again.token})
    seller.tell(connect=True)
    assert seller.wait("connect", 2)["recovered"] is True
    seller.wait_event("order:new", 2)
    assert seen(seller) == orders


def test_another_users_pid_gives_nothing_and_harms_nobody(
    service: Service, alice: Person, bob: Person, person: Callable[[str], Person]
) -> None:
    product = bob.offers(stock=100, lowStockThreshold=0)
    thief = person("seller")
    with RecoveringClient(service.url, bob.token).opened() as owner:
        owner.read()
        orders = places(alice, product, 2)
        owner.read(2)

        stolen = RecoveringClient(service.url, thief.token, pid=owner.pid, offset="0")
        with stolen.opened():
            stolen.read()
            assert not stolen.recovered
            own = thief.offers(stock=100, lowStockThreshold=0)
            theirs = places(alice, own, 1)
            stolen.read()
            assert [arguments[0]["id"] for _, arguments in stolen.events] == theirs

        orders += places(alice, product, 1)
        owner.read()
        assert [arguments[0]["id"] for _, arguments in owner.events] == orders
        assert len(owner.heard) == 4
