"""Disconnects and revocations across processes, with stock clients."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.config import Settings
from app.db import db, now
from ordercast.journal.tables import EVENTS
from tests.harness.application import journal
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, register
from tests.harness.processes.process import SECRET
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
NEW = Callable[[Service], Person]
KICKED = "io server disconnect"


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer) -> Settings:
    return Settings.of(DATABASE_URL=database_url, REDIS_URL=own_redis.url, JWT_SECRET_KEY=SECRET)


@pytest.fixture
def instances(settings: Settings, tmp_path: Path) -> Iterator[list[Service]]:
    """Two instances on one database and one Redis; only the first one is started."""
    made = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        shared = {"database_url": settings.DATABASE_URL, "redis_url": settings.REDIS_URL}
        made.append(Service(folder, **shared))
    made[0].start()
    yield made
    for service in made:
        service.stop()


@pytest.fixture
def new_customer() -> Iterator[NEW]:
    """A builder: somebody new, with a token."""
    made: list[Person] = []

    def make(service: Service) -> Person:
        made.append(register(service.url, "customer"))
        return made[-1]

    yield make
    for person in made:
        person.http.close()


def emit(service: Service, person: Person, title: str) -> None:
    data = f'{{"title": "{title}", "message": "m", "type": "info"}}'
    done = service.flask("emit", "notification", "--user", person.id, "--data", data)
    assert done.returncode == 0, done.stderr


def titles(client: StockClient) -> list[str]:
    return [payload["title"] for payload, _ in client.events("notification")]


def prune_everything() -> None:
    """The journal keeps nothing of what was sequenced."""
    unsequenced = select(func.count()).where(EVENTS.c.position.is_(None))

    def all_is_sequenced() -> bool:
        db.session.rollback()
        return db.session.scalar(unsequenced) == 0

    def all_is_pruned() -> bool:
        journal.here().drop_days(now() + timedelta(days=2))  # today's too
        journal.prune(now() + timedelta(minutes=1))
        head = journal.head()
        return 0 < head.position == head.lowest - 1

    wait_until(all_is_sequenced, "everything has its position")
    wait_until(all_is_pruned, "everything is pruned")


def test_a_disconnected_user_is_gone_from_every_process_and_may_come_back(
    app: Flask, instances: list[Service], new_customer: NEW, stock_client: NODE
) -> None:
    first, second = instances
    second.start_web()
    alice, charlie = new_customer(first), new_customer(first)
    hers = [stock_client(service.url, alice.token) for service in (first, first, second)]
    his = [stock_client(service.url, charlie.token) for service in (first, second)]
    for client in [*hers, *his]:
        client.wait("connect")
    emit(first, alice, "before")
    for client in hers:
        client.wait_event("notification")

    said = second.flask("disconnect", "--user", alice.id).stdout
    assert said == f"disconnected user {alice.id} ({alice.credentials[0]}): 3 sockets\n"

    for client in hers:
        ended = client.wait("disconnect")
        assert (ended["reason"], ended["active"]) == (KICKED, False)
    emit(first, alice, "after")
    for client in hers:
        client.tell(connect=True)
        assert client.wait("connect", 2)["recovered"] is True
        client.wait_event("notification", 2)
    emit(first, charlie, "for him")
    for client in his:
        client.wait_event("notification")
    assert [titles(client) for client in hers] == [["before", "after"]] * 3
    assert [len(client.all("disconnect")) for client in [*hers, *his]] == [1, 1, 1, 0, 0]


def test_a_process_that_starts_later_knows_the_revocations_of_a_pruned_journal(
    app: Flask, instances: list[Service], new_customer: NEW, stock_client: NODE
) -> None:
    first, second = instances
    alice, charlie, bob = new_customer(first), new_customer(first), new_customer(first)
    hers, his = (stock_client(first.url, person.token) for person in (alice, charlie))
    for client in (hers, his):
        client.wait("connect")
    assert first.flask("revoke", "--user", alice.id).returncode == 0
    assert charlie.call("POST", "/api/auth/logout").status_code == 204
    assert first.flask("disconnect", "--user", bob.id).returncode == 0
    for client in (hers, his):
        assert client.wait("disconnect")["reason"] == KICKED
    prune_everything()

    second.start_web()

    for person in (alice, charlie):
        refused = stock_client(second.url, person.token).wait("connect_error")
        assert refused["data"] == {"code": "token_revoked"}
    welcome = stock_client(second.url, bob.token)
    welcome.wait("connect")
    emit(first, bob, "hello")
    welcome.wait_event("notification")
    assert welcome.all("disconnect") == []
