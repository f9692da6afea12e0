"""A database that lost what it had committed: nobody is told that they have everything."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import pytest
import redis
from sqlalchemy import make_url

from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import notify, signed
from tests.harness.processes.service import Service
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.servers.sqlite import SqliteFiles
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
CUSTOMER = "42"
KEPT, LOST, AFTER = 3, 5, 9  # events in the backup, after it, and after it was restored


@dataclass
class Stage:
    service: Service
    server: Postgres | SqliteFiles
    database: str
    backup: str = ""

    def send(self, *titles: str) -> None:
        for title in titles:
            wait_until(partial(self._sent, title), f"{title} is accepted")

    def _sent(self, title: str) -> bool:
        """The pool's sessions were cut by the restore; the next one is good."""
        try:
            notify(self.service.url, CUSTOMER, title=title)
        except AssertionError:
            return False
        return True

    def back_up(self) -> None:
        self.backup = self.server.back_up(self.database)

    def restore(self) -> None:
        self.server.restore(self.database, self.backup)

    def missed(self, after: int) -> dict[str, Any]:
        """What the API says that the customer missed."""
        answer = loopback.get(
            f"{self.service.url}/api/events?after={after}",
            headers={"Authorization": f"Bearer {signed(sub=CUSTOMER)}"},
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def head(self) -> int:
        return int(self.missed(0)["offset"])


@pytest.fixture(params=["sqlite", "postgres"])
def stage(
    request: pytest.FixtureRequest, own_redis: RedisServer, new_service: Callable[..., Service]
) -> Stage:
    server, template = request.getfixturevalue(request.param)
    name = server.new_database(template)
    service = new_service(database_url=server.url(name), redis_url=own_redis.url)
    return Stage(
        service.start(), server, str(make_url(server.url(name)).database).rpartition("/")[2]
    )


def titles(prefix: str, count: int) -> list[str]:
    return [f"{prefix} {number}" for number in range(count)]


def received(client: StockClient) -> list[str]:
    return [payload["title"] for payload, _ in client.events("notification")]


@pytest.mark.parametrize(
    ("restarted", "flushed"),
    [
        pytest.param("", False, id="all go on"),
        pytest.param("worker", False, id="the worker is another one, Redis remembers"),
        pytest.param("worker", True, id="only the web process remembers"),
        pytest.param("worker web", False, id="only Redis remembers"),
        pytest.param("web", True, id="only the worker remembers"),
    ],
)
def test_after_a_restore_nobody_from_before_is_recovered(
    stage: Stage, stock_client: NODE, own_redis: RedisServer, restarted: str, flushed: bool
) -> None:
    service, token = stage.service, signed(sub=CUSTOMER)
    offline = stock_client(service.url, token, transports=["websocket"])
    stays = stock_client(service.url, token, transports=["websocket"])
    for client in (offline, stays):
        client.wait("connect")
    stage.send(*titles("kept", KEPT))
    offline.wait_event("notification", KEPT)
    stage.back_up()
    stage.send(*titles("lost", LOST))
    for client in (offline, stays):
        client.wait_event("notification", KEPT + LOST)
    seen = offline.offsets()[-1]
    offline.tell(disconnect=True)
    offline.wait("disconnect")

    for part in restarted.split():
        process = getattr(service, part)
        process.stop()
    if flushed:
        with redis.Redis.from_url(own_redis.url) as client:
            client.flushall()
    stage.restore()
    if "web" in restarted:
        service.start_web()
    if "worker" in restarted:
        service.start_worker()
    stage.send(*titles("after", AFTER))
    wait_until(lambda: stage.head() >= seen, "the journal has come as far again")

    offline.tell(connect=True)
    assert offline.wait("connect", 2)["recovered"] is False
    assert stage.missed(seen)["complete"] is False
    wait_until(lambda: len(stays.all("connect")) > 1, "the connected client is closed")
    assert not any(connect["recovered"] for connect in stays.all("connect"))
    # The journal may begin anew after a client is back, which closes it once more: an event that
    # both receive is of the new one.
    numbers = count()

    def are_both_back() -> bool:
        stage.send(f"probe {next(numbers)}")
        both = {*received(offline)} & {*received(stays)}
        return any(title.startswith("probe") for title in both)

    wait_until(are_both_back, "both clients receive events")
    # From here on all is as ever: nothing is lost, and a client that was offline is recovered.
    stage.send("new")
    for client in (offline, stays):
        wait_until(partial(lambda one: "new" in received(one), client), "the new event arrives")
    connects = len(offline.all("connect"))
    offline.tell(cut=True)
    stage.send("newer")
    assert offline.wait("connect", connects + 1)["recovered"] is True
    wait_until(lambda: received(offline)[-2:] == ["new", "newer"], "what was missed arrives")
    assert len(set(offline.offsets())) == len(offline.offsets())
