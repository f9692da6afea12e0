"""The library's own transactions, on an engine as SQLAlchemy makes it."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from ordercast.database import Database, Outage, adopt, outage
from ordercast.database.sqlite import BUSY_SECONDS, PatientConnection

ADD = text("INSERT INTO things VALUES (1)")
COUNT = text("SELECT count(*) FROM things")


def test_a_writer_on_sqlite_has_the_lock_before_it_reads(tmp_path: Path) -> None:
    """The race: a pruning has read the head, a sequencer of another process moves it, and the
    pruning writes back what it has read. The team's engine is not hardened."""
    url = f"sqlite:///{tmp_path / 'team.db'}"
    engine, other = create_engine(url), create_engine(url, connect_args={"timeout": 0})
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE things (id INTEGER)"))
    database = Database(lambda: engine)
    with database.writing() as connection:
        assert connection.scalar(COUNT) == 0
        with pytest.raises(OperationalError, match="locked"), other.begin() as meanwhile:
            meanwhile.execute(ADD)
        connection.execute(ADD)
    with database.reading() as connection:
        assert connection.scalar(COUNT) == 1
    for each in (engine, other):
        each.dispose()


class DriverError(Exception):
    """As psycopg2 has its codes; a team may look at the errors of a session of its own."""

    def __init__(self, pgcode: str | None) -> None:
        super().__init__("the server says no")
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("code", "kind"),
    [("25006", Outage.READ_ONLY), ("53300", Outage.BUSY), ("57P01", Outage.UNAVAILABLE)],
)
def test_the_codes_of_psycopg_2_mean_the_same(code: str, kind: Outage) -> None:
    assert outage(OperationalError("SELECT 1", None, DriverError(code))) is kind
    assert outage(IntegrityError("INSERT", None, DriverError("23505"))) is None
    assert outage(OperationalError("SELECT 1", None, DriverError(None))) is Outage.UNAVAILABLE


@pytest.fixture
def adopted(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """A builder: a team's engine on one file, made with these arguments, and adopted."""
    engines: list[Engine] = []

    def make(**options: Any) -> Engine:
        engines.append(create_engine(f"sqlite:///{tmp_path / 'team.db'}", **options))
        return adopt(engines[-1])

    with make().begin() as connection:
        connection.execute(text("CREATE TABLE things (id INTEGER)"))
    yield make
    for each in engines:
        each.dispose()


@contextmanager
def locked(engine: Engine) -> Iterator[Connection]:
    """A connection that has the file's lock."""
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.rollback()


def driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def add_many(driver: sqlite3.Connection) -> None:
    driver.executemany("INSERT INTO things VALUES (?)", ((number,) for number in (1, 2)))


def add_by_script(driver: sqlite3.Connection) -> None:
    driver.executescript("INSERT INTO things VALUES (1); INSERT INTO things VALUES (2);")


@pytest.mark.parametrize("write", [add_many, add_by_script])
def test_many_rows_wait_for_another_writer(
    adopted: Callable[..., Engine], write: Callable[[sqlite3.Connection], None]
) -> None:
    engine, tried = adopted(), threading.Event()

    def add() -> None:
        with engine.begin() as connection:
            driver(connection).set_trace_callback(
                lambda statement: tried.set() if "INSERT" in statement else None
            )
            write(driver(connection))
            driver(connection).set_trace_callback(None)

    with ThreadPoolExecutor(1) as thread:
        with locked(adopted()):
            adding = thread.submit(add)
            assert tried.wait(10)
        adding.result()
    with engine.connect() as connection:
        assert connection.scalar(COUNT) == 2


def test_rows_that_are_committed_one_by_one_are_never_written_twice(
    adopted: Callable[..., Engine],
) -> None:
    """The race: in autocommit another writer comes in between two rows. Its lock is in the way of
    the second, and another attempt would begin with the first."""
    engine = adopted(isolation_level="AUTOCOMMIT")
    with locked(adopted()) as other, engine.connect() as connection:
        other.rollback()

        def see(statement: str) -> None:
            if "(2)" in statement:
                other.exec_driver_sql("BEGIN IMMEDIATE")
            elif other.in_transaction():  # a second attempt
                other.rollback()

        driver(connection).set_trace_callback(see)
        with pytest.raises(OperationalError, match="locked"):
            connection.exec_driver_sql("INSERT INTO things VALUES (?)", [(1,), (2,), (3,)])
        driver(connection).set_trace_callback(None)
        assert connection.scalar(COUNT) == 1


def test_an_adopted_engine_keeps_what_its_team_has_chosen(adopted: Callable[..., Engine]) -> None:
    class Own(sqlite3.Connection):
        """The team's own kind of connection."""

    with adopted().connect() as connection:
        assert isinstance(driver(connection), PatientConnection)
        assert driver(connection).isolation_level == ""
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
    with adopted(connect_args={"timeout": 0.5}).connect() as connection:
        assert driver(connection).busy_seconds == 0.5
    with adopted(connect_args={"factory": Own}).connect() as connection:
        assert isinstance(driver(connection), Own)
    memory = create_engine("sqlite://")
    with memory.begin() as connection:
        connection.execute(text("CREATE TABLE things (id INTEGER)"))
    with adopt(memory).connect() as connection:
        assert connection.scalar(COUNT) == 0
    memory.dispose()


def test_the_patience_of_one_transaction_ends_with_it(adopted: Callable[..., Engine]) -> None:
    engine = adopted(pool_size=1, max_overflow=0)
    with engine.execution_options(busy_seconds=0.1).begin() as connection:
        assert driver(connection).busy_seconds == 0.1
    with engine.begin() as connection:
        assert driver(connection).busy_seconds == BUSY_SECONDS
