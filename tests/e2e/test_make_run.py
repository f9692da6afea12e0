"""`make run`, the task behind it: from settings to the service with its demo people."""

import sys
from pathlib import Path

import httpx

from tests.harness.processes import ROOT, Process, environment
from tests.harness.servers import RedisServer, free_port
from tests.harness.waiting import wait_until


def test_it_runs_two_web_processes_and_the_worker_until_it_is_interrupted(
    sqlite_url: str, own_redis: RedisServer, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "run.log"
    env = environment(PORT=str(port), DATABASE_URL=sqlite_url, REDIS_URL=own_redis.url)
    env.pop("WEB_CONCURRENCY", None)
    run = Process([sys.executable, "-m", "tools.run"], env=env, log=log)
    try:
        wait_until(lambda: "Ordercast is running" in run.output(), "it says so", seconds=60)
        wait_until(lambda: run.output().count("Booting worker") == 2, "two web processes")
        wait_until(lambda: "worker started" in run.output(), "the worker")
        [login] = [line for line in run.output().splitlines() if "alice@example.com" in line]
        email, password = login.split()[-2:]
        answer = httpx.post(
            f"http://127.0.0.1:{port}/api/auth/login", json={"email": email, "password": password}
        )
        assert answer.status_code == 200
    finally:
        run.stop()
    assert (ROOT / ".env").exists()
