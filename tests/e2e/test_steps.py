"""`flask ordercast worker`: the library's worker, with the steps that a team hands in."""

import sys
from pathlib import Path

import pytest

from tests.harness.processes.process import Process, environment
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

TEAM = """
from pathlib import Path
from flask import current_app
from app.extension import cast
from wsgi import app

@cast.step(seconds=0.1)
def count():
    mark = Path(__file__).with_name("mark")
    done = len(mark.read_text()) if mark.exists() else 0
    mark.write_text("x" * (done + 1))
    return done + 1 < 3  # more at once, and then every 0.1 s

@cast.step(seconds=0.1)
def fail():
    raise LookupError(current_app.name)
"""


@pytest.mark.parametrize("command", [("ordercast", "worker"), ("worker",)], ids=" ".join)
def test_the_worker_repeats_a_teams_step_and_one_that_fails_stops_no_other(
    sqlite_url: str, own_redis: RedisServer, tmp_path: Path, command: tuple[str, ...]
) -> None:
    team = tmp_path / "team.py"
    team.write_text(TEAM)
    mark = tmp_path / "mark"
    env = environment(DATABASE_URL=sqlite_url, REDIS_URL=own_redis.url)
    worker = Process(
        [sys.executable, "-m", "flask", "--app", str(team), *command],
        env=env,
        log=tmp_path / "worker.log",
    )
    try:
        wait_until(lambda: worker.logged("worker started"), "the worker runs")
        wait_until(lambda: mark.exists() and len(mark.read_text()) >= 5, "the step is repeated")
        wait_until(lambda: len(worker.logged("step failed", loop="fail")) >= 2, "it is tried again")
        [started] = worker.logged("worker started")
        own = {"announce", "prune", "sequence", "inbox"}
        assert {*own, "expire_orders", "prune_accounts", "count", "fail"} == set(started["loops"])
        assert worker.stop() == 0
        assert worker.logged("worker stopped")
    finally:
        worker.kill()
