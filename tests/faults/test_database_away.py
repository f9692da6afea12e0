"""The database dies under load and comes back: short logs, patient clients, nothing restarted."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx

from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import register
from tests.harness.processes.process import Process
from tests.harness.processes.service import Service
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

CALLERS = 8
REQUESTS = 400
CLIENTS = 4
SEVERAL_TRIES = 12  # of all clients together
# From one try of a client to its next: what the server waits at least, and the client at least.
BETWEEN_TRIES_SECONDS = 1.0 + 0.5


def refused(service: Service) -> float:
    """How many connects found no database."""
    name = 'ordercast_connects_refused_total{code="unavailable"} '
    lines = loopback.get(f"{service.url}/metrics").text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def failures(process: Process) -> Counter[tuple[str, str]]:
    """How many lines there are of each kind of outage, by message and kind."""
    return Counter((line["message"], line["kind"]) for line in process.lines() if "kind" in line)


def test_a_database_that_is_unavailable_is_a_line_a_second_and_clients_take_their_time(
    new_service: Callable[..., Service],
    own_postgres: tuple[Postgres, str],
    own_redis: RedisServer,
    stock_client: Callable[..., StockClient],
) -> None:
    postgres, url = own_postgres
    service = new_service(database_url=url, redis_url=own_redis.url).start()
    assert service.web is not None
    assert service.worker is not None
    alice = register(service.url, "customer")
    with closing(alice.http), ThreadPoolExecutor(CALLERS) as callers:
        headers = {"Authorization": f"Bearer {alice.token}"}

        def ask(_number: int) -> httpx.Response:
            return loopback.get(f"{service.url}/api/orders", headers=headers, timeout=60)

        started = time.monotonic()
        postgres.kill()
        clients: list[Any] = [stock_client(service.url, alice.token) for _ in range(CLIENTS)]
        answers = list(callers.map(ask, range(REQUESTS)))
        wait_until(lambda: refused(service) >= SEVERAL_TRIES, "they try again", seconds=60)
        tries, lasted = refused(service), time.monotonic() - started

        assert {answer.status_code for answer in answers} == {503}
        assert {answer.json()["error"]["code"] for answer in answers} == {"database_unavailable"}
        assert tries / CLIENTS <= lasted / BETWEEN_TRIES_SECONDS + 1
        for process in (service.web, service.worker):
            assert "Traceback" not in process.output()
            for failure, lines in failures(process).items():
                assert lines <= time.monotonic() - started + 1, failure
        assert ("database unavailable", "unavailable") in failures(service.web)
        assert ("connect failed", "unavailable") in failures(service.web)
        assert any(message == "step failed" for message, _ in failures(service.worker))
        left_out = [line["repeated"] for line in service.web.lines() if "kind" in line]
        assert sum(left_out) > 0  # the lines say how many there were

        postgres.start()
        for client in clients:
            client.wait("connect")
        wait_until(lambda: ask(0).status_code == 200, "requests are answered again")
