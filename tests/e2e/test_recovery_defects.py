"""The defects that connection state recovery is known for in Node, each by its number: here they
are not. https://github.com/socketio/socket.io/issues/..."""

import os
import signal
from collections.abc import Callable

import psycopg
import pytest

from tests.harness.clients.audience import NODE, Audience, places
from tests.harness.faults.proxy import Proxy
from tests.harness.people.person import Person
from tests.harness.processes.external import run_script
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

NETWORK = Callable[[Service], Proxy]
OWN = Callable[..., Service]
AT = Callable[[Service, str], Person]
OTHERS = 10_050  # events of 4 KB, more than a web process remembers


def test_5282_and_5538_a_quiet_client_is_recovered(
    own_service: OWN, person_at: AT, stock_client: NODE, network: NETWORK
) -> None:
    """Nothing was for it for so long that its offset is in no memory any more. First it has seen
    one event, then none since it was recovered."""
    service = own_service("postgres")
    alice, bob = person_at(service, "customer"), person_at(service, "seller")
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    audience = Audience(stock_client, wifi.url, bob)
    orders = places(alice, product, 1)
    audience.wait_orders(orders)
    for times in (1, 2):
        let_others_be_busy(service)
        wifi.down()
        audience.wait("disconnect", times)
        wifi.up()
        audience.wait_recovered(times + 1)
    orders += places(alice, product, 2)
    audience.wait_orders(orders)
    from_journal = service.metric('ordercast_recoveries_total{outcome="journal"}')
    assert from_journal >= 2 * len(audience.clients)


def let_others_be_busy(service: Service) -> None:
    """Events with positions, as a sequencer gives them; the web process goes through them all. Of
    many rooms: a large one alone leaves the others in memory."""
    before = service.metric("ordercast_follower_position")
    with psycopg.connect(service.env["DATABASE_URL"]) as connection:
        connection.execute("SELECT 1 FROM ordercast_head FOR UPDATE")
        connection.execute(
            "INSERT INTO ordercast_events (room, name, data, created_at, position)"
            " SELECT 'user:0' || n %% 50, 'test', to_json(repeat('x', 4000))::text, now(),"
            " position + n"
            " FROM ordercast_head, generate_series(1, %s) AS n",
            [OTHERS],
        )
        connection.execute("UPDATE ordercast_head SET position = position + %s", [OTHERS])
    wait_until(
        lambda: service.metric("ordercast_follower_position") >= before + OTHERS,
        "the web process has gone through them",
    )


def test_4880_the_half_open_predecessor_is_closed_and_its_late_end_harms_nobody(
    service: Service, alice: Person, bob: Person, stock_client: NODE, network: NETWORK
) -> None:
    """The network dies in silence: the client gives up and comes back, and the server still takes
    the old connection for a good one."""
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    audience = Audience(stock_client, wifi.url, bob)
    orders = []
    for times in (1, 2):
        wifi.silence()
        orders += places(alice, product, 2)
        for client in audience.clients:
            client.tell(cut=True)
        audience.wait("disconnect", times)
        audience.wait_recovered(times + 1)
        audience.wait_orders(orders)
        successors = {said["sid"] for said in audience.wait("connect", times + 1)}
        wait_until(lambda: connected(service, bob) == successors, "the predecessors are closed")  # noqa: B023

    wifi.down()  # the ends of all of them, also of the old ones, come late
    audience.wait("disconnect", 3)
    wifi.up()
    audience.wait_recovered(4)
    orders += places(alice, product, 1)
    audience.wait_orders(orders)


def connected(service: Service, person: Person) -> set[str]:
    """The sids of those that came and have not left, by the log."""
    assert service.web is not None
    came = service.web.logged("connected", user=person.id)
    left = service.web.logged("disconnected", user=person.id)
    return {line["sid"] for line in came} - {line["sid"] for line in left}


@pytest.mark.parametrize("what", ["the worker process", "the whole service"])
def test_5413_a_client_is_recovered_after_a_restart(
    own_service: OWN, person_at: AT, stock_client: NODE, what: str
) -> None:
    """kill -9."""
    service = own_service()
    alice, bob = person_at(service, "customer"), person_at(service, "seller")
    product = bob.offers(stock=100, lowStockThreshold=0)
    audience = Audience(stock_client, service.url, bob)
    orders = places(alice, product, 2)
    audience.wait_orders(orders)

    victim = service.worker_process()
    if what == "the whole service":
        assert service.web is not None
        assert service.worker is not None
        service.worker.kill()
        service.web.kill()
    os.kill(victim, signal.SIGKILL)
    audience.wait("disconnect")
    if what == "the whole service":
        service.start()

    audience.wait_recovered(2)
    assert service.worker_process() != victim
    orders += places(alice, product, 2)
    audience.wait_orders(orders)


def test_5419_no_event_is_replayed_twice(
    service: Service, alice: Person, bob: Person, stock_client: NODE, network: NETWORK
) -> None:
    """Cut again and again, wherever in a replay or between live events that falls."""
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    audience = Audience(stock_client, wifi.url, bob)
    orders = []
    for times in range(1, 9):
        orders += places(alice, product, 3)
        wifi.down()
        audience.wait("disconnect", times)
        wifi.up()
        audience.wait_recovered(times + 1)
    audience.wait_orders(orders)
    orders += places(alice, product, 1)
    audience.wait_orders(orders)


@pytest.mark.parametrize("arguments", ["'text'", "({'a': 1}, '999999')", "None"])
def test_5539_an_ephemeral_event_that_ends_in_a_string_is_no_offset(
    service: Service,
    alice: Person,
    bob: Person,
    stock_client: NODE,
    network: NETWORK,
    arguments: str,
) -> None:
    """Sent by a stock script. Without arguments the client takes the event's name for one."""
    product = bob.offers(stock=100, lowStockThreshold=0)
    wifi = network(service)
    audience = Audience(stock_client, wifi.url, bob)
    orders = places(alice, product, 1)
    audience.wait_orders(orders)
    room = f"seller:{bob.id}"
    run_script(service.env["REDIS_URL"], f"socketio.emit('hello', {arguments}, to='{room}')")
    for client in audience.clients:
        client.wait_event("hello")

    wifi.down()
    audience.wait("disconnect")
    orders += places(alice, product, 2)
    wifi.up()

    audience.wait_recovered(2)
    audience.wait_orders(orders)


def test_an_ephemeral_object_arrives_unchanged(
    service: Service, bob: Person, stock_client: NODE
) -> None:
    audience = Audience(stock_client, service.url, bob)
    note = {"title": "Hello", "message": "You", "type": "info"}
    room = f"user:{bob.id}"
    run_script(service.env["REDIS_URL"], f"socketio.emit('notification', {note}, to='{room}')")
    for client in audience.clients:
        client.wait_event("notification")
        assert client.events() == [[note]]
