"""A database that takes connections and never answers: everything that asks has a deadline."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg

from tests.harness.clients import loopback
from tests.harness.people.person import signed
from tests.harness.processes.service import Service
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

BALANCERS = 40  # requests for /readyz while the database hangs
CALLERS = 6  # at a time, whose request needs the database
ANSWER_SECONDS = 5  # without an answer until then a balancer has given up


def readiness(service: Service) -> tuple[int, dict[str, str]]:
    """Raises httpx.TimeoutException when the answer is not there in time."""
    answer = loopback.get(f"{service.url}/readyz", timeout=ANSWER_SECONDS)
    return answer.status_code, answer.json()


def products(service: Service) -> httpx.Response:
    headers = {"Authorization": f"Bearer {signed()}"}
    return loopback.get(f"{service.url}/api/products", headers=headers, timeout=30)


def test_while_the_database_hangs_balancers_and_operators_get_their_answer(
    new_service: Callable[..., Service],
    own_postgres: tuple[Postgres, str],
    own_redis: RedisServer,
) -> None:
    postgres, url = own_postgres
    service = new_service(database_url=url, redis_url=own_redis.url)
    service.start()
    postgres.freeze()

    with ThreadPoolExecutor(4) as balancers:
        answers = list(balancers.map(lambda _: readiness(service), range(BALANCERS)))
    doctor = service.flask("doctor")
    with ThreadPoolExecutor(CALLERS) as callers:
        refused = list(callers.map(lambda _: products(service), range(CALLERS)))

    for status, answer in answers:
        assert (status, answer["status"], answer["database"]) == (503, "unavailable", "unavailable")
        assert answer["redis"] == "ok"
    assert [answer.status_code for answer in refused] == [503] * CALLERS
    assert {answer.json()["error"]["code"] for answer in refused} == {"database_unavailable"}
    assert service.worker is not None
    assert service.worker.stop() == 0  # SIGTERM is followed
    assert service.worker.logged("worker stopped")
    assert doctor.returncode == 1
    # Whichever is over first: the time for connecting, or that for the check.
    assert re.search(
        r"FAIL  database: (connection timeout expired|no answer within 6 s)\n", doctor.stdout
    )
    assert "ok    redis: " in doctor.stdout

    postgres.thaw()
    wait_until(lambda: readiness(service)[0] == 200, "the process is ready again")
    wait_until(lambda: products(service).status_code == 200, "requests are served again")
    with psycopg.connect(url) as connection:
        sessions = connection.execute("SELECT count(*) FROM pg_stat_activity").fetchone()
    assert sessions is not None
    assert sessions[0] < BALANCERS  # the asking did not pile up


def test_while_redis_hangs_balancers_get_their_answer(
    new_service: Callable[..., Service], sqlite_url: str, own_redis: RedisServer
) -> None:
    service = new_service(database_url=sqlite_url, redis_url=own_redis.url)
    service.start()
    own_redis.freeze()

    status, answer = readiness(service)

    assert (status, answer["status"]) == (200, "degraded")
    assert (answer["database"], answer["redis"]) == ("ok", "unavailable")
