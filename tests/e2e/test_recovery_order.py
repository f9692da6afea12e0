"""On the wire: CONNECT first, then what was missed, then what comes; a cut anywhere loses and
doubles nothing."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psycopg
import pytest

from ordercast.revocation.memory import REFRESH_SECONDS
from tests.harness.clients.audience import places
from tests.harness.clients.raw import CONNECT, EVENT
from tests.harness.clients.recovering import RecoveringClient
from tests.harness.faults.tables import locked, wait_for_held
from tests.harness.people.person import Person
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until


@pytest.mark.parametrize("reads", [[0, 1, 2, 0, 3], [1, 1, 1, 1], [4, 0, 6], [2, 5, 1]])
def test_a_cut_after_any_packet_loses_and_doubles_nothing(
    service: Service, alice: Person, bob: Person, reads: list[int]
) -> None:
    """The client stops reading after so many packets, wherever in the replay that is, and comes
    back with the offset it has; meanwhile orders keep coming."""
    product = bob.offers(stock=100, lowStockThreshold=0)
    client = RecoveringClient(service.url, bob.token)
    with client.opened():
        client.read()
    orders = places(alice, product, 4)
    for count in reads:
        missing = len(orders) - len(client.events)
        with ThreadPoolExecutor(1) as pool, client.opened():
            ordering = pool.submit(places, alice, product, 2)
            client.read(min(count, 1 + missing))
            kinds = [packet[:2] for packet in client.heard]
            assert kinds == ([CONNECT] + [EVENT] * missing)[:count]
        orders += ordering.result()
    with client.opened():
        client.read(1 + len(orders) - len(client.events))
        assert client.recovered
    assert [arguments[0]["id"] for _, arguments in client.events] == orders
    assert client.offsets == sorted(set(client.offsets))


@pytest.mark.parametrize("service", ["postgres"], indirect=True)
def test_events_that_commit_while_the_token_is_verified_are_part_of_the_replay(
    service: Service, bob: Person
) -> None:
    """The race: the client is back and not in its rooms yet, and events for it are fanned out."""
    room = f"seller:{bob.id}"
    client = RecoveringClient(service.url, bob.token)
    with client.opened():
        client.read()
    connected = time.monotonic()
    write(service, room, 2)
    wait_until(
        lambda: time.monotonic() > connected + REFRESH_SECONDS, "a connect asks the table again"
    )
    with ExitStack() as connection:
        with locked(service, "ordercast_revocations"):
            connection.enter_context(client.opened())
            wait_for_held(service, "ordercast_revocations")
            write(service, room, 2)
        client.read(5)
        write(service, room, 1)
        client.read()

    assert client.recovered
    assert [packet[:2] for packet in client.heard] == [CONNECT] + [EVENT] * 5
    assert [arguments[0] for _, arguments in client.events] == [{"n": n} for n in (1, 2, 1, 2, 1)]
    assert client.offsets == sorted(set(client.offsets))


def write(service: Service, room: str, count: int) -> None:
    """Commit events; return when the web process has fanned them out."""
    with psycopg.connect(service.env["DATABASE_URL"]) as connection:
        connection.execute(
            "INSERT INTO ordercast_events (room, name, data, created_at)"
            """ SELECT %s, 'test', '{"n": ' || n || '}', now() FROM generate_series(1, %s) AS n""",
            [room, count],
        )
    with psycopg.connect(service.env["DATABASE_URL"], autocommit=True) as connection:

        def fanned_out() -> bool:
            query = (
                "SELECT max(position), count(*) FILTER (WHERE position IS NULL)"
                " FROM ordercast_events"
            )
            row = connection.execute(query).fetchone()
            assert row is not None
            last, waiting = row
            return bool(not waiting and service.metric("ordercast_follower_position") >= last)

        wait_until(fanned_out, "the web process has fanned them out")
