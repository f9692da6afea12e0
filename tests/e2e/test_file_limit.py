"""A machine that allows few open files: the connections are fewer, and the doctor knows."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.harness.clients import loopback
from tests.harness.clients.raw import introduce, raw_websocket
from tests.harness.people.person import signed
from tests.harness.processes.process import BIN, Process
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

LIMITED = Callable[..., Process]


@pytest.fixture
def limited(sqlite_url: str, redis_server: RedisServer, tmp_path: Path) -> Iterator[LIMITED]:
    """A builder: a command of the service that may have so many files open."""
    made: list[Process] = []

    def start(files: int, *command: str, service: Service) -> Process:
        shell = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]
        made.append(Process([*shell, *command], env=service.env, log=tmp_path / "limited.log"))
        return made[-1]

    yield start
    for process in made:
        process.stop()


@pytest.fixture
def service(sqlite_url: str, redis_server: RedisServer, tmp_path: Path) -> Service:
    """On pure defaults; not started."""
    return Service(tmp_path, database_url=sqlite_url, redis_url=redis_server.url)


def test_the_doctor_has_nothing_against_the_defaults_under_a_usual_limit(
    limited: LIMITED, service: Service
) -> None:
    doctor = limited(5000, str(BIN / "flask"), "--app", "wsgi", "doctor", service=service)
    doctor.wait()
    line = "ok    file limit: 5000 allowed: a process takes up to 4800 connections"
    assert line in doctor.output().splitlines()


def test_the_doctor_warns_of_a_limit_that_leaves_few_connections(
    limited: LIMITED, service: Service
) -> None:
    doctor = limited(1000, str(BIN / "flask"), "--app", "wsgi", "doctor", service=service)
    doctor.wait()
    line = "WARN  file limit: 1000 allowed: a process takes up to 800 connections"
    assert line in doctor.output().splitlines()


def test_connections_past_the_file_limit_are_told_so_and_the_rest_goes_on(
    limited: LIMITED, service: Service
) -> None:
    command = [str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app"]
    web = limited(210, *command, "--bind", f"127.0.0.1:{service.port}", service=service)
    wait_until(lambda: is_ready(service.url), "the web process is ready")
    with ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(raw_websocket(service.url))
            client.say(introduce(signed()))
            assert client.hear().startswith("40")
        refused = loopback.get(f"{service.url}/socket.io/?EIO=4&transport=polling")
        assert refused.status_code == 503
        assert is_ready(service.url)
    assert web.is_running()


def is_ready(url: str) -> bool:
    try:
        return loopback.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False
