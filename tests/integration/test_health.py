"""healthz, readyz and metrics: what balancers and monitoring ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
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
