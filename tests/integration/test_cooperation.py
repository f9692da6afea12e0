"""Waiting for PostgreSQL in a process that gevent patched: other greenlets run meanwhile."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.harness.processes.process import ROOT
from tests.harness.servers.postgres import Postgres

OPENING = """
from gevent import monkey
monkey.patch_all()
import os, sys
import gevent
import psycopg
from sqlalchemy import create_engine, text
from ordercast.database import engine_options, harden, postgres
url = sys.argv[1]
engine = create_engine(url, **{**engine_options(url), "pool_size": 1, "max_overflow": 0})
harden(engine)

def ask(statement, seconds=None):
    with engine.connect() as connection:
        connection.connection.driver_connection.answer_seconds = seconds
        return connection.scalar(text(statement))

assert ask("SELECT 1") == 1
assert postgres.hub_wait() is not None
"""
Run = Callable[[str], str]


@pytest.fixture(scope="module")
def run(postgres: tuple[Postgres, str]) -> Run:
    """Run these lines in a patched process -> what they print."""
    server, _ = postgres
    url = server.url(server.new_database()).replace("postgresql:", "postgresql+psycopg:", 1)

    def run(lines: str) -> str:
        command = [sys.executable, "-c", OPENING + lines, url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_greenlets_run_while_one_waits_and_a_large_answer_is_whole(run: Run) -> None:
    printed = run("""
turns = 0
def others():
    global turns
    while True:
        turns += 1
        gevent.sleep(0.001)
running = gevent.spawn(others)
ask("SELECT pg_sleep(0.3)")
running.kill()
print(turns > 10, len(ask("SELECT repeat('x', 20000000)")))
size = 20000000
with engine.connect() as connection:  # what the kernel does not take at once is waited for
    print(connection.scalar(text("SELECT length(:sent)"), {"sent": "y" * size}))
""")
    assert printed == "True 20000000\n20000000\n"


def test_no_answer_in_time_ends_the_session_and_the_next_one_works(run: Run) -> None:
    printed = run("""
before = ask("SELECT pg_backend_pid()")
try:
    ask("SELECT pg_sleep(30)", 0.2)
except Exception as exc:
    print(type(exc.orig).__name__, exc.orig)
print(ask("SELECT 2"), ask("SELECT pg_backend_pid()") != before)
""")
    assert printed == "OperationalError no answer for 0 s\n2 True\n"


def test_a_killed_greenlet_leaves_no_half_read_session_in_the_pool(run: Run) -> None:
    # The race: a request is killed, or its gevent.Timeout expires, between a statement and its
    # answer. The pool's only session must not hand that answer to the next statement.
    printed = run("""
thrown = (gevent.GreenletExit(), gevent.Timeout(1), ValueError("of the team's"))
for end in [lambda waiting, one=one: waiting.kill(one) for one in thrown]:
    waiting = gevent.spawn(ask, "SELECT 'late' FROM pg_sleep(0.3)")
    gevent.sleep(0.1)
    end(waiting)
    print(ask("SELECT 'next'"))
""")
    assert printed == "next\n" * 3


def test_a_session_whose_server_ends_it_or_whose_socket_is_closed_is_an_error_at_once(
    run: Run,
) -> None:
    printed = run("""
def failing(disturb):
    def wait():
        try:
            ask("SELECT pg_sleep(30)")
        except Exception as exc:
            return type(exc.orig).__name__
    waiting = gevent.spawn(wait)
    gevent.sleep(0.2)
    disturb()
    return waiting.get(timeout=10)

def terminate():
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'SELECT pg_sleep(30)%' AND datname = current_database()")

def close():
    connection, = [one for one in __import__("gc").get_objects()
        if isinstance(one, postgres.PatientConnection) and not one.closed]
    os.close(connection.fileno())

print(failing(terminate))
print(failing(close))
""")
    assert printed == "AdminShutdown\nOperationalError\n"


def test_a_process_that_gevent_did_not_patch_waits_as_psycopg_does() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from ordercast.database import postgres;"
            "print(postgres.hub_wait(), 'gevent.hub' in sys.modules)",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "None False\n"
