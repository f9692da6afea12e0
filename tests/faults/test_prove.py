"""`flask ordercast prove` on a service that runs: with faults of every kind nothing is lost."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.processes.process import FLASK, ROOT
from tests.harness.processes.service import Service
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.servers.tls import Tls

SECONDS = 4  # each fault comes once, however short
COMMAND_SECONDS = 150


@pytest.fixture
def service(
    own_redis: RedisServer, postgres: tuple[Postgres, str], new_service: Callable[..., Service]
) -> Service:
    server, template = postgres
    url = server.url(server.new_database(template))
    return new_service(database_url=url, redis_url=own_redis.url, WEB_CONCURRENCY="2").start()


@contextmanager
def restarted(service: Service) -> Iterator[None]:
    """As systemd does: a worker that was killed is started again."""
    stop = threading.Event()

    def supervise() -> None:
        while not stop.wait(0.1):
            if service.worker is not None and not service.worker.is_running():
                service.start_worker()

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def tls(service: Service, tmp_path: Path) -> Iterator[Tls]:
    tls = Tls(tmp_path, in_front_of=service.port)
    yield tls
    tls.stop()


def prove(service: Service, tls: Tls, *options: str) -> subprocess.CompletedProcess[str]:
    url = f"https://127.0.0.1:{tls.port}"
    return subprocess.run(
        [*FLASK, "ordercast", "prove", "--staging", url, *options],
        cwd=ROOT,
        env={**service.env, "SSL_CERT_FILE": str(tls.authority)},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        stdin=subprocess.DEVNULL,
    )


def test_under_faults_of_every_kind_nothing_is_lost_doubled_or_out_of_order(
    service: Service, tls: Tls
) -> None:
    with restarted(service):
        done = prove(
            service,
            tls,
            *("--seconds", str(SECONDS), "--users", "2", "--faults", "--yes"),
            *("--worker-restarts", "--json"),
        )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    report = json.loads(done.stdout)
    assert report["proven"] is True
    assert report["received"] == {"lost": 0, "doubled": 0, "outOfOrder": 0, "strange": 0}
    assert report["clients"] == {"websocket": 2, "polling": 2}
    assert all(report["faults"].values())
    assert report["faults"].keys() >= {
        *("connections cut", "connections left half-open"),
        *("web process killed", "worker killed", "web process frozen", "worker frozen"),
    }
    assert report["unrecovered"] == 0
