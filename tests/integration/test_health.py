"""healthz, readyz and metrics: what balancers and monitoring ask."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.config import Settings
from app.db import db
from tests.harness.application.market import good
from tests.harness.people.keys import claims, hs256
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

MOST = 3  # connections of a pool of one: twice as many more while it is busy


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def fragile(settings: Settings, own_redis: RedisServer) -> Iterator[Visitor]:
    """The application with a Redis of its own, to be hurt."""
    app = create_app(Settings.of(**{**settings.model_dump(), "REDIS_URL": own_redis.url}))
    yield Visitor(app)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def series(visitor: Visitor) -> dict[tuple[str, ...], float]:
    """The counts of requests -> {(method, route, status): count}."""
    answer = visitor.call("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return {
        tuple(sample.labels[name] for name in ("method", "route", "status")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "ordercast_http_seconds_count"
    }


def test_a_process_that_answers_is_healthy(visitor: Visitor) -> None:
    assert good(visitor.call("GET", "/healthz")) == {"status": "ok"}


def test_with_everything_there_it_is_ready(visitor: Visitor) -> None:
    assert good(visitor.call("GET", "/readyz")) == {
        "status": "ok",
        "database": "ok",
        "redis": "ok",
        "inbox": "ok",
        "handover": "ok",
        "worker": "ok",
        "journal": "ok",
    }


def test_with_redis_dead_or_stuck_it_is_degraded_and_stays_ready(
    fragile: Visitor, own_redis: RedisServer
) -> None:
    unavailable = {"redis": "unavailable", "inbox": "unavailable"}
    fine = dict.fromkeys(("database", "worker", "journal", "handover"), "ok")
    degraded = {"status": "degraded", **unavailable, **fine}
    own_redis.freeze()
    assert good(fragile.call("GET", "/readyz")) == degraded
    own_redis.thaw()
    assert good(fragile.call("GET", "/readyz"))["status"] == "ok"
    own_redis.kill()
    assert good(fragile.call("GET", "/readyz")) == degraded
    assert good(fragile.call("GET", "/healthz")) == {"status": "ok"}
    own_redis.start()
    assert good(fragile.call("GET", "/readyz"))["status"] == "ok"


FULL = ("CONFIG", "SET", "maxmemory", "1")
REPLICA = ("REPLICAOF", "127.0.0.1", "1")
NO_KEYS = ("ACL", "SETUSER", "default", "resetkeys", "~another-service:*")


@pytest.mark.parametrize(
    ("hurt", "heal", "answer"),
    [
        (FULL, ("CONFIG", "SET", "maxmemory", "0"), "full"),
        (REPLICA, ("REPLICAOF", "NO", "ONE"), "read-only"),
        (NO_KEYS, ("ACL", "SETUSER", "default", "allkeys"), "not permitted"),
    ],
    ids=["full", "replica", "keys"],
)
def test_a_redis_that_takes_nothing_is_degraded_and_says_why(
    fragile: Visitor,
    own_redis: RedisServer,
    hurt: tuple[str, ...],
    heal: tuple[str, ...],
    answer: str,
) -> None:
    admin = redis.Redis.from_url(own_redis.url)
    admin.execute_command(*hurt)  # type: ignore[no-untyped-call]
    found = good(fragile.call("GET", "/readyz"))
    assert (found["status"], found["redis"]) == ("degraded", answer)
    admin.execute_command(*heal)  # type: ignore[no-untyped-call]
    assert good(fragile.call("GET", "/readyz"))["status"] == "ok"


def test_without_a_free_connection_to_the_database_it_is_not_ready(
    settings: Settings, redis_server: RedisServer
) -> None:
    app = create_app(Settings.of(**{**settings.model_dump(), "DATABASE_POOL": 1}))
    visitor = Visitor(app)
    assert good(visitor.call("GET", "/readyz"))["status"] == "ok"
    with app.app_context():
        with ExitStack() as stack:
            for _ in range(MOST):
                stack.enter_context(db.engine.connect())
            answer = visitor.call("GET", "/readyz")
            assert (answer.status_code, answer.get_json()["database"]) == (503, "unavailable")
            assert good(visitor.call("GET", "/healthz")) == {"status": "ok"}
        wait_until(
            lambda: visitor.call("GET", "/readyz").get_json()["status"] == "ok", "it is ready again"
        )
        db.session.remove()
        db.engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_without_the_database_it_is_not_ready_and_lives(
    redis_server: RedisServer, tmp_path: Path, kind: str
) -> None:
    urls = {
        "sqlite": f"sqlite:///{tmp_path}/nowhere/orders.db",
        "postgresql": f"postgresql:///orders?host={tmp_path}",
    }
    settings = Settings.of(
        DATABASE_URL=urls[kind], REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET
    )
    visitor = Visitor(create_app(settings))
    answer = visitor.call("GET", "/readyz")
    assert answer.status_code == 503
    answers = answer.get_json()
    assert answers["status"] == answers["database"] == answers["journal"] == "unavailable"
    assert answers["redis"] == "ok"
    assert good(visitor.call("GET", "/healthz")) == {"status": "ok"}


def test_a_request_is_counted_by_method_route_and_status(visitor: Visitor) -> None:
    def counted() -> float:
        return series(visitor).get(("GET", "/api/orders/<order_id>", "404"), 0)

    before = counted()
    for number in range(3):
        visitor.call("GET", f"/api/orders/{number}", hs256(claims()))
    assert counted() == before + 3


def test_nobody_can_make_new_series_by_asking_for_nonsense(visitor: Visitor) -> None:
    nonsense = [("GET", "/nothing/{}"), ("NONSENSE{}", "/"), ("NONSENSE{}", "/nothing/{}")]

    def ask(number: int) -> None:
        for method, path in nonsense:
            visitor.call(method.format(number), path.format(number))

    ask(0)
    series(visitor)  # the first call of /metrics is a new series itself
    before = series(visitor).keys()
    for number in range(1, 10):
        ask(number)
    assert series(visitor).keys() == before
