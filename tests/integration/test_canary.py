"""The canary, by which each process measures how long an event takes, and which no client gets."""

from datetime import UTC, datetime, timedelta

from flask import Flask
from prometheus_client import REGISTRY

from app.extension import cast
from ordercast.journal import Entry
from ordercast.live.follower import Follower
from ordercast.revocation import Mark
from ordercast.service import Service
from ordercast.worker.canary import Canaries
from tests.harness.application import journal


class Sockets:
    """The sockets of a process, where nothing may arrive."""

    def hosts(self, _rooms: object) -> bool:
        return True

    def note_position(self, position: int) -> None:
        pass

    def emit_entry(self, entry: Entry) -> None:
        raise AssertionError(entry)

    def dismiss(self, mark: Mark) -> None:
        raise AssertionError(mark)

    def close_all(self) -> None:
        raise AssertionError


def counted(series: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"ordercast_{series}", labels) or 0.0


def canaries(app: Flask, seconds: float) -> Canaries:
    service: Service = app.extensions["ordercast"]
    return Canaries(service.database, service.journal, seconds)


def test_a_canary_is_measured_by_each_process_and_reaches_no_client(app: Flask) -> None:
    followers = [Follower(journal.here(), Sockets()) for _ in range(2)]
    for follower in followers:
        follower.step()
    journal.here().clock.ask()
    before = counted("commit_to_fan_out_seconds_count")
    sequenced = counted("events_sequenced_total")
    canaries(app, 0).commit()
    assert journal.sequence_once(lambda _: None) == 1
    for follower in followers:
        follower.read_soon()
        follower.step()
    assert counted("commit_to_fan_out_seconds_count") == before + len(followers)
    assert counted("commit_to_fan_out_seconds_sum") < 3600
    assert [follower.last for follower in followers] == [1, 1]
    assert cast.missed(["user:7", "control"], after=0).events == []
    # Whoever counts events counts those of the service.
    assert counted("events_sequenced_total") == sequenced
    assert counted("events_fanned_out_total", name="canary") == 0


def test_a_worker_commits_its_first_canary_after_a_while(app: Flask) -> None:
    canaries(app, 3600).commit()
    assert journal.waiting_after() is None


def test_what_is_not_known_is_not_measured(app: Flask) -> None:
    clock = journal.here().clock
    moment = datetime.now(UTC)
    assert clock.seconds_since(moment) is None
    assert abs(clock.ask()) < 60  # the same host
    hour = clock.seconds_since(moment - timedelta(hours=1))
    assert hour is not None
    assert 3540 < hour < 3660
    assert clock.seconds_since(moment + timedelta(hours=1)) == 0  # clocks are not exact
