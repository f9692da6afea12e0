"""Sessions of PostgreSQL in the pool: asked before they are used again only if they may be gone."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text

from ordercast import engine_options, harden
from ordercast.database import Database
from tests.harness.waiting import wait_until

PID = text("SELECT pg_backend_pid()")
END = "SELECT pg_terminate_backend(%s)"
IS_GONE = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
PREPARED = text("SELECT count(*) FROM pg_prepared_statements")


@pytest.fixture
def pings() -> list[Any]:
    """The sessions that were asked before they were used again."""
    return []


@pytest.fixture
def engine(postgres_url: str, pings: list[Any]) -> Iterator[Engine]:
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url, **engine_options(url))
    ask = engine.dialect.do_ping

    def counted(session: Any) -> bool:
        pings.append(session)
        return ask(session)

    engine.dialect.do_ping = counted  # type: ignore[assignment,method-assign]
    harden(engine)
    yield engine
    engine.dispose()


def pid_of(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(PID))


def test_a_session_that_answered_just_now_is_not_asked(engine: Engine, pings: list[Any]) -> None:
    def is_reused_unasked() -> bool:
        before = pid_of(engine)
        pings.clear()
        return pid_of(engine) == before and not pings

    wait_until(is_reused_unasked, "a session is used twice within a second")


def test_a_session_that_was_idle_is_asked(engine: Engine, pings: list[Any]) -> None:
    pid_of(engine)

    def is_asked() -> bool:
        with engine.connect():  # which sends nothing by itself
            return bool(pings)

    wait_until(is_asked, "the session has been idle for a second")


def test_a_session_that_the_server_has_just_closed_is_replaced(
    engine: Engine, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as other:

        def is_gone(pid: int) -> bool:
            return other.execute(IS_GONE, [pid]).fetchone() == (True,)

        for _ in range(5):
            ended = pid_of(engine)
            other.execute(END, [ended])
            wait_until(partial(is_gone, ended), "the server has closed the session")
            assert pid_of(engine) != ended


def test_reads_leave_the_prepared_statements_of_a_session(engine: Engine) -> None:
    database = Database(lambda: engine)
    for _ in range(10):
        with database.reading() as connection:
            connection.execute(text("SELECT 1")).all()
    with database.reading() as connection:
        assert connection.scalar(PREPARED) == 1
