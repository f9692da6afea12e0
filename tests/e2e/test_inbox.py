"""The inbox from outside: any process sends an event, and a stock client gets it once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.harness.application.mailbox import Mailbox
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, register
from tests.harness.processes import scripts
from tests.harness.processes.service import Service
from tests.harness.servers.migrating import migrate
from tests.harness.servers.ports import free_port
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
WAY = Callable[[str, str, Any, str], None]
HELLO = {"title": "Hello", "message": "From outside", "type": "info"}
MARK = {"title": "Mark", "message": "What was sent before it has arrived", "type": "info"}


@pytest.fixture(scope="module", autouse=True)
def examples() -> None:
    scripts.install_examples()


def notes(client: StockClient) -> list[Any]:
    return [payload for payload, _ in client.events("notification")]


@pytest.mark.parametrize("send", scripts.WAYS.values(), ids=scripts.WAYS.keys())
def test_an_event_arrives_once_however_often_it_is_sent_with_its_id(
    service: Service, alice: Person, stock_client: NODE, send: WAY
) -> None:
    customer = stock_client(service.url, alice.token)
    customer.wait("connect")
    redis_url = service.env["REDIS_URL"]
    for _ in range(2):
        send(redis_url, alice.id, HELLO, f"hello {alice.id}")
    send(redis_url, alice.id, MARK, f"mark {alice.id}")
    customer.wait_event("notification", 2)
    assert notes(customer) == [HELLO, MARK]
    offsets = [int(offset) for _, offset in customer.events()]
    assert offsets == sorted(set(offsets))


class Outage:
    """A service of the test's own whose parts can all be down at once."""

    def __init__(self, folder: Path, kind: str, redis_url: str) -> None:
        self.redis_url = redis_url
        self._postgres: Postgres | None = None
        if kind == "postgres":
            (folder / "pg").mkdir()
            self._postgres = Postgres(folder / "pg")
            self._url = self._postgres.url(self._postgres.new_database())
        else:
            self._url = f"sqlite:///{folder / 'own.db'}"
        migrate(self._url)
        self.service = Service(folder, database_url=self._url, redis_url=redis_url)
        self.service.start()

    def begin(self) -> None:
        self.service.stop()
        if self._postgres:
            self._postgres.stop()
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(self._url)

    def end(self) -> None:
        if self._postgres:
            self._postgres.start()
        self.service.start()

    def clean_up(self) -> None:
        self.service.stop()
        if self._postgres:
            self._postgres.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def outage(
    request: pytest.FixtureRequest, own_redis: RedisServer, tmp_path: Path
) -> Iterator[Outage]:
    outage = Outage(tmp_path, request.param, own_redis.url)
    yield outage
    outage.clean_up()


def test_an_event_sent_while_everything_is_down_arrives_when_it_is_back(
    outage: Outage, stock_client: NODE
) -> None:
    alice = register(outage.service.url, "customer")
    alice.http.close()
    customer = stock_client(outage.service.url, alice.token)
    customer.wait("connect")
    outage.begin()
    customer.wait("disconnect")

    for name, send in scripts.WAYS.items():
        send(outage.redis_url, alice.id, {**HELLO, "title": name}, name)
    scripts.node(outage.redis_url, alice.id, HELLO, "node")  # a repeat

    outage.end()
    scripts.node(outage.redis_url, alice.id, MARK, "mark")
    customer.wait_event("notification", len(scripts.WAYS) + 1)
    assert [note["title"] for note in notes(customer)] == [*scripts.WAYS, "Mark"]
    assert customer.all("connect")[-1]["recovered"] is True


def test_the_doctor_shows_what_was_refused(
    sqlite_url: str, own_redis: RedisServer, tmp_path: Path
) -> None:
    service = Service(tmp_path, database_url=sqlite_url, redis_url=own_redis.url)
    service.start_worker()
    mailbox = Mailbox(own_redis.url)
    try:
        assert "ok    inbox: 0 waiting, none refused" in service.flask("doctor").stdout
        mailbox.add("poison", event="order:gone")
        wait_until(mailbox.refused, "the worker sets it aside")
        examined = service.flask("doctor")
        assert examined.returncode == 1
        assert "FAIL  inbox: 1 entries were refused, the last one because: no such" in (
            examined.stdout
        )
        assert "XRANGE ordercast:inbox:refused - +" in examined.stdout
    finally:
        mailbox.redis.close()
        service.stop()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--user", "7", "--data", "{}"], "invalid_event: notification: title: Field required"),
        (["--user", "7", "--data", "{"], "malformed_json: --data is not JSON"),
        (["--user", "", "--data", '{"title": "a", "message": "b", "type": "c"}'], "refused_event"),
        (["--user", "7", "--id", "", "--data", "{}"], "refused_event: `id` has 1 to 200"),
        (
            ["--user", "7", "--data", '{"title": "a", "message": "b", "type": "c"}'],
            "inbox_unavailable: Redis did not confirm the event: ",
        ),
    ],
)
def test_flask_emit_says_why_it_sent_nothing(
    sqlite_url: str, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    service = Service(tmp_path, database_url=sqlite_url, redis_url=nowhere)
    done = service.flask("emit", "notification", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(complaint)
