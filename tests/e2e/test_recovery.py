"""Connection state recovery with the stock client: everything that was missed, in order, once."""

import sqlite3
from collections.abc import Callable
from contextlib import closing

from tests.harness.clients.audience import NODE, Audience, places, seen
from tests.harness.faults.proxy import Proxy
from tests.harness.people.person import Person
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

NETWORK = Callable[[Service], Proxy]
OWN = Callable[..., Service]
AT = Callable[[Service, str], Person]


def test_what_was_missed_is_replayed_in_order_and_once(
    service: Service, alice: Person, bob: Person, stock_client: NODE, network: NETWORK
) -> None:
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    audience = Audience(stock_client, wifi.url, bob)
    assert not any(said["recovered"] for said in audience.wait("connect"))
    orders = places(alice, product, 2)
    audience.wait_orders(orders)

    wifi.down()
    for said in audience.wait("disconnect"):
        assert said["reason"] in ("transport close", "transport error")
    orders += places(alice, product, 5)
    wifi.up()

    audience.wait_recovered(2)
    orders += places(alice, product, 2)
    audience.wait_orders(orders)


def test_a_client_that_received_no_event_yet_gets_its_first_ones(
    service: Service, alice: Person, bob: Person, stock_client: NODE, network: NETWORK
) -> None:
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    audience = Audience(stock_client, wifi.url, bob)
    wifi.down()
    audience.wait("disconnect")
    orders = places(alice, product, 3)
    wifi.up()
    audience.wait_recovered(2)
    audience.wait_orders(orders)


def test_a_client_that_leaves_and_comes_back_itself_is_recovered_too(
    service: Service, alice: Person, bob: Person, stock_client: NODE
) -> None:
    """`socket.disconnect()`, then `socket.connect()`: a page that is hidden for a while."""
    product = bob.offers(stock=100, lowStockThreshold=0)
    audience = Audience(stock_client, service.url, bob)
    for client in audience.clients:
        client.tell(disconnect=True)
    audience.wait("disconnect")
    orders = places(alice, product, 2)
    for client in audience.clients:
        client.tell(connect=True)
    audience.wait_recovered(2)
    audience.wait_orders(orders)


def test_two_tabs_of_one_user_do_not_close_each_other(
    service: Service, alice: Person, bob: Person, stock_client: NODE, network: NETWORK
) -> None:
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    moving = Audience(stock_client, wifi.url, bob)
    staying = stock_client(service.url, bob.token)
    staying.wait_settled()
    for times in (1, 2):
        wifi.down()
        moving.wait("disconnect", times)
        wifi.up()
        moving.wait_recovered(times + 1)
    orders = places(alice, product, 2)
    moving.wait_orders(orders)
    staying.wait_event("order:new", 2)
    assert seen(staying) == orders
    assert staying.all("disconnect") == []


def test_recovered_is_true_exactly_when_nothing_is_missing(
    own_service: OWN, person_at: AT, stock_client: NODE, network: NETWORK
) -> None:
    service = own_service(RECOVERY_MAX_EVENTS="3")
    alice, bob = person_at(service, "customer"), person_at(service, "seller")
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    seller = stock_client(wifi.url, bob.token)
    seller.wait_settled()
    expected = []
    for times, missed in enumerate((3, 4, 0, 1), start=1):
        wifi.down()
        seller.wait("disconnect", times)
        orders = places(alice, product, missed)
        wait_until(lambda: unsequenced(service) == 0, "the journal has them")
        wifi.up()
        recovered = missed <= 3
        assert seller.wait_settled(times + 1)["recovered"] is recovered
        expected += orders if recovered else []
        # Recovered or not, it goes on with what comes.
        expected += places(alice, product, 1)
        seller.wait_event("order:new", len(expected))
        assert seen(seller) == expected


def test_what_was_pruned_meanwhile_is_not_recovered(
    own_service: OWN, person_at: AT, stock_client: NODE, network: NETWORK
) -> None:
    service = own_service()
    alice, bob = person_at(service, "customer"), person_at(service, "seller")
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    seller = stock_client(wifi.url, bob.token)
    seller.wait_settled()
    wifi.down()
    seller.wait("disconnect")
    places(alice, product, 3)
    wait_until(lambda: unsequenced(service) == 0, "the journal has them")
    assert service.web is not None
    assert service.worker is not None
    service.web.stop()  # it would still have them in memory
    service.worker.stop()
    service.env["JOURNAL_KEEP_DAYS"] = "0.000001"
    pruner = service.start_worker()
    wait_until(lambda: pruner.logged("pruned", events=6), "they are pruned")  # two of an order
    service.start_web()
    wifi.up()

    assert seller.wait("connect", 2)["recovered"] is False
    orders = places(alice, product, 1)
    seller.wait_event("order:new")
    assert seen(seller) == orders


def unsequenced(service: Service) -> int:
    """How many committed events have no position yet."""
    path = service.env["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT count(*) FROM ordercast_events WHERE position IS NULL"
        return int(connection.execute(query).fetchone()[0])
