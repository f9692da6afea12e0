"""`make run`, the task behind it: from settings to the service with its demo people."""

import sys
from pathlib import Path

import psutil
import pytest

from tests.harness.clients import loopback
from tests.harness.processes.process import ROOT, Process, environment, flask
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until


def listening(pid: int) -> set[str]:
    """The addresses on which a process and those that it started take connections."""
    processes = psutil.Process(pid).children(recursive=True)
    found = [one for process in processes for one in process.net_connections("tcp")]
    return {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN}


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
        answer = loopback.post(
            f"http://127.0.0.1:{port}/api/auth/login", json={"email": email, "password": password}
        )
        assert answer.status_code == 200
        assert listening(run.pid) == {"127.0.0.1"}  # the demo's password is public
    finally:
        run.stop()
    assert (ROOT / ".env").exists()


def test_beside_real_people_it_runs_without_the_demo(
    sqlite_url: str, own_redis: RedisServer, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "run.log"
    env = environment(PORT=str(port), DATABASE_URL=sqlite_url, REDIS_URL=own_redis.url)
    added = flask(
        *("users", "add", "--email", "zoe@example.com", "--name", "Zoe", "--role", "customer"),
        env=env,
    )
    assert added.returncode == 0, added.stderr
    run = Process([sys.executable, "-m", "tools.run"], env=env, log=log)
    try:
        wait_until(lambda: "Ordercast is running" in run.output(), "it says so", seconds=60)
        assert "Without the demo. demo_refused:" in run.output()
    finally:
        run.stop()
    accounts = flask("users", env=env).stdout
    assert "zoe@example.com" in accounts
    assert len(accounts.splitlines()) == 1


def test_a_redis_that_is_not_there_is_named_without_its_password(
    sqlite_url: str, tmp_path: Path
) -> None:
    for place in ("127.0.0.1", "localhost"):
        url = f"redis://:hunter2@{place}:{free_port()}/0"
        env = environment(PORT=str(free_port()), DATABASE_URL=sqlite_url, REDIS_URL=url)
        run = Process([sys.executable, "-m", "tools.run"], env=env, log=tmp_path / "run.log")
        assert run.wait() == 1
    assert "hunter2" not in run.output()
    assert "REDIS_URL is redis://:***@127.0.0.1" in run.output()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "99999"),
        ("WEB_CONCURRENCY", "many"),
        ("JWT_SECRET_KEY", "short"),
        ("REDIS_URL", "redis://:hunter2/x@127.0.0.1:1/0"),
        ("DATABASE_URL", "mysql://shop:hunter2@127.0.0.1/shop"),
        ("DATABASE_URL", "postgresql://shop:hunter2@127.0.0.1:1/shop"),
        ("REDIS_URL", "redis+sentinel://:hunter2@127.0.0.1:1,127.0.0.1:2/0/shop"),
    ],
)
def test_what_cannot_run_is_one_line_that_names_it(
    variable: str, value: str, sqlite_url: str, own_redis: RedisServer, tmp_path: Path
) -> None:
    usual = {"PORT": str(free_port()), "DATABASE_URL": sqlite_url, "REDIS_URL": own_redis.url}
    env = environment(**{**usual, variable: value})
    run = Process([sys.executable, "-m", "tools.run"], env=env, log=tmp_path / "run.log")
    assert run.wait() != 0
    [said] = run.output().splitlines()
    assert variable in said or "database unavailable" in said, said
    assert "hunter" not in said
