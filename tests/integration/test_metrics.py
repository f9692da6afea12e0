"""What is measured when the metrics are read, and how they are named."""

import subprocess
from collections.abc import Iterator

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.config import Settings
from app.db import db, transaction
from app.extension import cast
from tests.harness.application.journal import sequence
from tests.harness.servers.redis import RedisServer
from tools.machine import program
from tools.metrics import declared


@pytest.fixture
def service(settings: Settings, own_redis: RedisServer) -> Iterator[Flask]:
    """The application with a Redis, and so an inbox, of its own, to be hurt."""
    app = create_app(Settings.of(**{**settings.model_dump(), "REDIS_URL": own_redis.url}))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def text() -> str:
    return cast.metrics()[0].decode()


def measured() -> dict[str, float]:
    """The series without labels -> {name: value}."""
    return {
        sample.name.removeprefix("ordercast_"): sample.value
        for family in text_string_to_metric_families(text())
        for sample in family.samples
        if not sample.labels
    }


def notify(count: int) -> None:
    payload = {"title": "Hello", "message": "Hello", "type": "info"}
    with transaction() as session:
        for _ in range(count):
            cast.append(session, "notification", payload, to="7")


def test_what_waits_is_measured_when_the_metrics_are_read(service: Flask) -> None:
    found = measured()
    assert found["database_up"] == found["redis_up"] == 1
    assert found["journal_head"] == found["unsequenced_events"] == found["inbox_entries"] == 0
    assert found["unsequenced_seconds"] == found["inbox_seconds"] == 0

    notify(3)
    for number in range(2):
        service.extensions["ordercast"].broker.connect().xadd(
            "ordercast:inbox", {"event": "notification", "to": "7", "data": str(number)}
        )
    found = measured()
    assert (found["unsequenced_events"], found["inbox_entries"]) == (3, 2)
    assert found["unsequenced_seconds"] > 0
    assert found["inbox_seconds"] > 0

    sequence()
    found = measured()
    assert (found["journal_head"], found["unsequenced_events"]) == (3, 0)


def test_what_does_not_answer_is_absent_and_not_up(service: Flask, own_redis: RedisServer) -> None:
    notify(1)
    own_redis.freeze()
    found = measured()
    own_redis.thaw()
    assert (found["database_up"], found["redis_up"]) == (1, 0)
    assert found["unsequenced_events"] == 1
    assert "inbox_entries" not in found


def test_a_process_that_has_not_fanned_out_is_behind_the_head(app: Flask) -> None:
    follower = app.extensions["ordercast"].live.follower
    notify(1)
    sequence()
    follower.step()
    notify(4)
    sequence()
    assert 'ordercast_follower_lag_events{process="0"} 4.0' in text()
    follower.read_soon()
    follower.step()
    assert 'ordercast_follower_lag_events{process="0"} 0.0' in text()


def test_prometheus_linter_has_nothing_to_say(app: Flask) -> None:
    promtool = program("promtool")
    assert promtool is not None, "python -m tools.machine installs it"
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text(), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_series_is_declared_and_every_declared_one_is_there(app: Flask) -> None:
    shown = {family.name for family in text_string_to_metric_families(text())}
    ours = {name for name in shown if name.startswith("ordercast_")}
    names = {series.name.removesuffix("_total") for series in declared()}
    assert {name for name in ours if not name.endswith("_created")} == names
