"""A primary that becomes read-only and keeps its connections, and a standby that lags and takes its
place: nobody stays with the old one, and nobody is told that they have everything."""

from collections.abc import Callable
from functools import partial
from itertools import count

import psycopg

from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import notify, signed
from tests.harness.processes.service import Service
from tests.harness.servers.clusters import Cluster
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

CUSTOMER = "42"
KEPT, LOST = 3, 5  # events that the standby has, and those that it has not
LISTENS = "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN ordercast_events'"


def send(service: Service, title: str) -> None:
    """Until it is accepted."""

    def is_sent() -> bool:
        try:
            notify(service.url, CUSTOMER, title=title)
        except AssertionError:
            return False
        return True

    wait_until(is_sent, f"{title} is accepted")


def titles(client: StockClient) -> list[str]:
    return [payload["title"] for payload, _ in client.events("notification")]


def readiness(service: Service) -> str:
    return str(loopback.get(f"{service.url}/readyz").json()["database"])


def is_listened_to(server: Cluster) -> bool:
    """Whether a worker waits there for notifications."""
    with psycopg.connect(server.url("orders")) as connection:
        return connection.execute(LISTENS).fetchone() != (0,)


def test_a_lagging_standby_takes_the_place_of_a_primary_that_is_read_only(
    clusters: tuple[Cluster, Cluster],
    own_redis: RedisServer,
    new_service: Callable[..., Service],
    stock_client: Callable[..., StockClient],
) -> None:
    primary, standby = clusters
    hosts = f"postgresql://postgres@{primary.address},{standby.address}/orders"
    url = f"{hosts}?target_session_attrs=read-write"
    service = new_service(database_url=url, redis_url=own_redis.url).start()
    wait_until(partial(is_listened_to, primary), "the worker listens there")
    token = signed(sub=CUSTOMER)
    offline, stays = (stock_client(service.url, token, transports=["websocket"]) for _ in range(2))
    for client in (offline, stays):
        client.wait("connect")
    for number in range(KEPT):
        send(service, f"kept {number}")
    offline.wait_event("notification", KEPT)
    standby.follow(primary)
    standby.cut_off()
    for number in range(LOST):
        send(service, f"lost {number}")
    for client in (offline, stays):
        client.wait_event("notification", KEPT + LOST)
    seen = offline.offsets()[-1]
    offline.tell(disconnect=True)
    offline.wait("disconnect")

    primary.refuse_changes()
    wait_until(lambda: readiness(service) != "ok", "no server takes changes")
    standby.promote()
    wait_until(lambda: readiness(service) == "ok", "it is ready again")
    wait_until(partial(is_listened_to, standby), "the worker listens at the new primary")
    assert not is_listened_to(primary)

    send(service, "after")
    offline.tell(connect=True)
    assert offline.wait("connect", 2)["recovered"] is False
    wait_until(lambda: len(stays.all("connect")) > 1, "the connected client is closed")
    assert not any(connect["recovered"] for connect in stays.all("connect"))
    answer = loopback.get(
        f"{service.url}/api/events?after={seen}", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json()["complete"] is False
    # The journal may begin anew after a client is back, which closes it once more.
    numbers = count()

    def are_both_back() -> bool:
        send(service, f"probe {next(numbers)}")
        both = {*titles(offline)} & {*titles(stays)}
        return any(title.startswith("probe") for title in both)

    wait_until(are_both_back, "both clients receive events")
    assert len({*offline.offsets()}) == len(offline.offsets())
