"""A service that delivers nothing says so: readyz, doctor and the log go by what waits."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from tests.harness.application.mailbox import Mailbox
from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import notify, signed
from tests.harness.processes.process import Process
from tests.harness.processes.service import Service
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
CLIENT = "42"
HOLDS = "SELECT position FROM ordercast_head FOR UPDATE"

# A worker that is frozen when it has just locked the head's row, for its first pruning.
FREEZING_WORKER = """
import os, signal
from sqlalchemy import event
from wsgi import app
from app.db import db

def freeze(connection, cursor, statement, *_):
    if statement.startswith("SELECT ordercast_head") and "FOR UPDATE" in statement:
        os.kill(os.getpid(), signal.SIGSTOP)

with app.app_context():
    event.listen(db.engine, "after_cursor_execute", freeze)
    app.extensions["ordercast"].work()
"""


@pytest.fixture
def service(
    postgres_url: str, own_redis: RedisServer, new_service: Callable[..., Service]
) -> Service:
    """Its web process runs; its worker is the test's business."""
    service = new_service(
        database_url=postgres_url, redis_url=own_redis.url, WORKER_PORT=str(free_port())
    )
    service.start_web()
    return service


def of_the_worker(service: Service) -> dict[str, str]:
    """What the worker itself answers on WORKER_PORT."""
    url = f"http://127.0.0.1:{service.env['WORKER_PORT']}/readyz"
    found: dict[str, str] = loopback.get(url, timeout=5).json()
    return found


def readiness(service: Service) -> dict[str, str]:
    answer = loopback.get(f"{service.url}/readyz", timeout=5)
    assert answer.status_code == 200  # it serves, late
    found: dict[str, str] = answer.json()
    return found


def wait_for(service: Service, **answers: str) -> None:
    wait_until(lambda: answers.items() <= readiness(service).items(), f"readyz says {answers}")


def doctor(service: Service) -> str:
    done = service.flask("doctor")
    assert done.returncode == 1
    return done.stdout


def test_without_a_worker_it_is_degraded_until_one_is_heard(service: Service) -> None:
    wait_for(service, status="degraded", worker="not heard", journal="ok", inbox="ok")
    notify(service.url, CLIENT)
    wait_for(service, status="degraded", worker="not heard", journal="delayed")
    assert service.metric("ordercast_unsequenced_seconds") > 0
    text = doctor(service)
    assert "FAIL  worker: no worker announces the journal" in text
    assert "FAIL  journal: an event has waited for its position for" in text

    service.start_worker()

    wait_for(service, status="ok", worker="ok", journal="ok")
    assert "degraded" not in loopback.get(f"{service.url}/readyz").text
    assert service.worker is not None
    wait_until(lambda: of_the_worker(service)["status"] == "ok", "the worker says so too")
    service.worker.kill()
    wait_for(service, status="degraded", worker="not heard")


def test_while_somebody_holds_the_head_all_say_so_and_name_the_holder(
    service: Service, stock_client: NODE
) -> None:
    worker = service.start_worker()
    customer = stock_client(service.url, signed(sub=CLIENT))
    customer.wait("connect")
    wait_for(service, status="ok")
    with psycopg.connect(
        service.env["DATABASE_URL"], application_name="an operator's psql"
    ) as holder:
        holder.execute(HOLDS)
        notify(service.url, CLIENT)

        wait_for(service, status="degraded", journal="delayed")
        wait_for(service, worker="not heard")  # it lives, and sequences nothing
        text = doctor(service)
        wait_until(lambda: worker.logged("the journal's head is locked; events wait"), "a warning")
        wait_until(lambda: "sequence" in of_the_worker(service)["steps"], "the worker says so too")
        assert of_the_worker(service)["status"] == "degraded"

        held_by = f"pid {holder.info.backend_pid} (an operator's psql, user postgres)"
        assert "FAIL  journal: an event has waited for its position for" in text
        assert f"The head is held by {held_by}, idle in transaction for" in text
        for line in worker.logged("the journal's head is locked; events wait"):
            assert [by[: len(held_by)] for by in line["by"]] == [held_by]
        assert worker.stop() == 0
        assert worker.logged("worker stopped")
        service.start_worker()

    customer.wait_event("notification")
    wait_for(service, status="ok", journal="ok", worker="ok")


def test_a_redis_without_permission_for_a_channel_is_seen_by_what_is_not_heard(
    service: Service, own_redis: RedisServer
) -> None:
    service.start_worker()
    wait_for(service, status="ok", worker="ok")
    admin = redis.Redis.from_url(own_redis.url)
    allowed = ("&flask-socketio", "&ordercast:0:doorbell")
    admin.execute_command("ACL", "SETUSER", "default", "resetchannels", *allowed)  # type: ignore[no-untyped-call]
    wait_for(service, status="degraded", worker="not heard", redis="ok")
    assert "FAIL  redis: the Redis user may not subscribe to ordercast:0:journal" in doctor(service)
    admin.execute_command("ACL", "SETUSER", "default", "allchannels")  # type: ignore[no-untyped-call]
    wait_for(service, status="ok", worker="ok")


def test_a_worker_frozen_in_its_transaction_is_replaced_by_another(
    service: Service, stock_client: NODE, tmp_path: Path
) -> None:
    customer = stock_client(service.url, signed(sub=CLIENT))
    customer.wait("connect")
    command = [sys.executable, "-c", FREEZING_WORKER]
    frozen = Process(command, env=service.env, log=tmp_path / "frozen.log")
    try:
        wait_until(lambda: state(frozen.pid) == "T", "it is frozen")
        notify(service.url, CLIENT)
        service.start_worker()

        customer.wait_event("notification")
        wait_for(service, status="ok", journal="ok")
        assert customer.offsets() == [1]
    finally:
        os.kill(frozen.pid, signal.SIGCONT)
        frozen.kill()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_an_inbox_that_stands_still_is_said(service: Service, own_redis: RedisServer) -> None:
    worker = service.start_worker()
    mailbox = Mailbox(own_redis.url)
    wait_for(service, status="ok")
    try:
        with psycopg.connect(service.env["DATABASE_URL"]) as holder:
            holder.execute("LOCK TABLE ordercast_inbox_ids IN ACCESS EXCLUSIVE MODE")
            mailbox.add("1")
            wait_for(service, status="degraded", inbox="delayed", worker="ok", journal="ok")
            assert service.metric("ordercast_inbox_seconds") > 0
            assert "FAIL  inbox: 1 waiting, the oldest for" in doctor(service)
            assert worker.stop() == 0
            service.start_worker()
        wait_for(service, status="ok", inbox="ok")
    finally:
        mailbox.redis.close()


def test_entries_whose_id_is_of_the_future_are_seen_to_wait(
    service: Service, own_redis: RedisServer
) -> None:
    """A sender may give the id; all that come after have a time of the future, too."""
    mailbox = Mailbox(own_redis.url)
    try:
        mailbox.redis.xadd(mailbox.broker.inbox, {"event": "notification"}, id="99999999999999-0")
        wait_for(service, status="degraded", inbox="delayed")
    finally:
        mailbox.redis.close()
