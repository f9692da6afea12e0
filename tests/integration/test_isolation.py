"""A team's own engine, on a database whose default is above READ COMMITTED."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from ordercast.database.access import Database
from ordercast.database.apart import Apart
from ordercast.journal.locking import LOCK_SECONDS
from tests.harness.application.team import TeamProcess
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

APPENDERS, APPENDS = 4, 25
SHOW = text("SHOW transaction_isolation")
WAITS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'"
)
LOCK_HEAD = "SELECT position FROM ordercast_head FOR UPDATE"
MOVE_HEAD = "UPDATE ordercast_head SET lowest = lowest"  # another version of the row


@pytest.fixture(params=["repeatable read", "serializable"])
def strict_url(
    request: pytest.FixtureRequest, postgres: tuple[Postgres, str], postgres_url: str
) -> str:
    """A database with this level for each new session."""
    name = make_url(postgres_url).database
    with psycopg.connect(postgres[0].url("postgres"), autocommit=True) as admin:
        change = f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{request.param}'"
        admin.execute(change.encode())
    return postgres_url


@pytest.fixture
def team(strict_url: str, redis_server: RedisServer) -> Iterator[TeamProcess]:
    process = TeamProcess(strict_url, redis_server)
    yield process
    process.end()


def plain(url: str) -> str:
    """For psycopg itself."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def level(engine: Engine) -> str:
    """Of a transaction of the team."""
    with engine.connect() as connection:
        return str(connection.scalar(SHOW))


@pytest.mark.parametrize(
    ("kind", "options"),
    [(Database, {}), (Apart, {}), (Database, {"isolation_level": "SERIALIZABLE"})],
)
def test_the_librarys_transactions_are_read_committed_and_the_teams_stay_as_they_were(
    strict_url: str, kind: Callable[..., Database], options: dict[str, Any]
) -> None:
    engine = create_engine(strict_url, pool_size=1, max_overflow=0, **options)
    before, database = level(engine), kind(lambda: engine)
    try:
        with database.writing() as connection:
            assert connection.scalar(SHOW) == "read committed"
        assert level(engine) == before != "read committed"
    finally:
        database.engine.dispose()
        engine.dispose()


def test_a_sequencer_that_waited_for_the_head_goes_on(team: TeamProcess, strict_url: str) -> None:
    """Above READ COMMITTED: could not serialize access due to concurrent update."""
    team.append("user:1", 3)
    sequencer = team.service.journal.sequencer(lambda _message: None)
    with psycopg.connect(plain(strict_url)) as other, ThreadPoolExecutor(1) as thread:
        other.execute(LOCK_HEAD)
        other.execute(MOVE_HEAD)
        running = thread.submit(sequencer.sequence)
        wait_until(lambda: other.execute(WAITS).fetchone() == (1,), "the sequencer waits")
        other.commit()
        head, entries = running.result(LOCK_SECONDS + 30)
    assert [entry.position for entry in entries] == [1, 2, 3]
    assert head.position == 3


def test_no_append_of_the_team_fails_by_the_sequencer(team: TeamProcess) -> None:
    """A sequencer that was serializable too would read what each append writes."""

    def append(_number: int) -> None:
        for _ in range(APPENDS):
            team.append("user:1")

    sequenced = 0
    sequencer = team.service.journal.sequencer(lambda _message: None)
    with ThreadPoolExecutor(APPENDERS) as threads:
        running = [threads.submit(append, number) for number in range(APPENDERS)]
        while not all(each.done() for each in running):
            sequenced += sequencer.step()
    for each in running:
        each.result()
    while step := sequencer.step():
        sequenced += step
    assert sequenced == APPENDERS * APPENDS
