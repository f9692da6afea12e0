"""The library's own transactions, on an engine as SQLAlchemy makes it."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from ordercast.database import Database, Outage, outage

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
