"""Connection state recovery with the stock client: everything that was missed, in order, once."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.harness.api import Person, register
from tests.harness.processes import Service
from tests.harness.proxy import Proxy
from tests.harness.stock import VERSIONS, StockClient
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
NETWORK = Callable[[Service], Proxy]
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "both": ["polling", "websocket"]}


def offsets(client: StockClient) -> list[int]:
    return [int(args[-1]) for args in client.events()]


def places(alice: Person, product: Any, count: int) -> list[str]:
    return [alice.orders(product)["id"] for _ in range(count)]


def ids(client: StockClient) -> list[str]:
    return [args[0]["id"] for args in client.events("order:new")]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS.keys())
def test_what_was_missed_is_replayed_in_order_and_once(
    service: Service,
    alice: Person,
    bob: Person,
    stock_client: NODE,
    network: NETWORK,
    transports: list[str],
    version: str,
) -> None:
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    seller = stock_client(wifi.url, bob.token, version=version, transports=transports)
    assert seller.wait("connect")["recovered"] in (False, None)
    orders = places(alice, product, 2)
    seller.wait_event("order:new", 2)

    wifi.down()
    assert seller.wait("disconnect")["reason"] in ("transport close", "transport error")
    orders += places(alice, product, 5)
    wifi.up()

    assert seller.wait("connect", 2)["recovered"] is True
    orders += places(alice, product, 2)
    seller.wait_event("order:new", 9)
    assert ids(seller) == orders
    assert offsets(seller) == sorted(set(offsets(seller)))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_received_no_event_yet_gets_its_first_ones(
    service: Service, alice: Person, bob: Person, stock_client: NODE, network: NETWORK, version: str
) -> None:
    product = bob.offers(stock=100)
    wifi = network(service)
    seller = stock_client(wifi.url, bob.token, version=version)
    seller.wait("connect")
    wifi.down()
    seller.wait("disconnect")
    orders = places(alice, product, 3)
    wifi.up()
    assert seller.wait("connect", 2)["recovered"] is True
    seller.wait_event("order:new", 3)
    assert ids(seller) == orders


def test_a_client_that_leaves_and_comes_back_itself_is_recovered_too(
    service: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    """`socket.disconnect()`, then `socket.connect()`: a laptop that is closed politely."""
    product = bob.offers(stock=100)
    seller = stock_client(service.url, bob.token)
    seller.wait("connect")
    seller.tell(disconnect=True)
    seller.wait("disconnect")
    orders = places(alice, product, 2)
    seller.tell(connect=True)
    assert seller.wait("connect", 2)["recovered"] is True
    seller.wait_event("order:new", 2)
    assert ids(seller) == orders


@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS.keys())
def test_two_tabs_of_one_user_do_not_close_each_other(
    service: Service,
    alice: Person,
    bob: Person,
    stock_client: NODE,
    network: NETWORK,
    transports: list[str],
) -> None:
    product = bob.offers(stock=100)
    wifi = network(service)
    first = stock_client(wifi.url, bob.token, transports=transports)
    second = stock_client(service.url, bob.token, transports=transports)
    first.wait("connect")
    second.wait("connect")
    for times in (2, 3):
        wifi.down()
        first.wait("disconnect", times - 1)
        wifi.up()
        assert first.wait("connect", times)["recovered"] is True
    orders = places(alice, product, 2)
    for tab in (first, second):
        tab.wait_event("order:new", 2)
        assert ids(tab) == orders
    assert second.all("disconnect") == []


def test_recovered_is_true_exactly_when_nothing_is_missing(
    own_service: Callable[..., Service], stock_client: NODE, network: NETWORK
) -> None:
    service = own_service(RECOVERY_MAX_EVENTS="3")
    alice, bob = register(service.url, "customer"), register(service.url, "seller")
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    seller = stock_client(wifi.url, bob.token)
    seller.wait("connect")
    expected = []
    for times, missed in enumerate((3, 4, 0, 1), start=1):
        wifi.down()
        seller.wait("disconnect", times)
        orders = places(alice, product, missed)
        wifi.up()
        recovered = missed <= 3
        assert seller.wait("connect", times + 1)["recovered"] is recovered
        expected += orders if recovered else []
        # Recovered or not, it goes on with what comes.
        expected += places(alice, product, 1)
        seller.wait_event("order:new", len(expected))
        assert ids(seller) == expected
    for someone in (alice, bob):
        someone.http.close()


def test_what_was_pruned_meanwhile_is_not_recovered(
    own_service: Callable[..., Service], stock_client: NODE, network: NETWORK
) -> None:
    service = own_service()
    alice, bob = register(service.url, "customer"), register(service.url, "seller")
    product = bob.offers(stock=100)
    wifi = network(service)
    seller = stock_client(wifi.url, bob.token)
    seller.wait("connect")
    wifi.down()
    seller.wait("disconnect")
    places(alice, product, 3)
    assert service.web is not None
    assert service.worker is not None
    # The web process would still have them in memory.
    service.web.stop()
    wait_until(lambda: positions_missing(service) == 0, "all are sequenced")
    service.worker.stop()
    service.env["JOURNAL_KEEP_DAYS"] = "0.000001"
    service.start_worker()
    wait_until(lambda: service.worker and service.worker.logged("pruned", events=3), "pruned")
    service.start_web()
    wifi.up()

    assert seller.wait("connect", 2)["recovered"] is False
    assert seller.events() == []
    order = places(alice, product, 1)
    seller.wait_event("order:new")
    assert ids(seller) == order
    for someone in (alice, bob):
        someone.http.close()


def positions_missing(service: Service) -> int:
    path = service.env["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT count(*) FROM events WHERE position IS NULL"
        return int(connection.execute(query).fetchone()[0])
