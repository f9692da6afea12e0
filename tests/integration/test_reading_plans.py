"""PostgreSQL keeps the plan of a read of the journal: to plan it costs more than the read."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from ordercast.journal import reading

EVENTS = 5_000
READS = 12  # psycopg prepares from the sixth on; PostgreSQL plans five of these anew
FILL = text("""
    INSERT INTO ordercast_events (room, name, data, position)
    SELECT 'user:' || n % 50, 'test', '{}', n FROM generate_series(1, :events) AS n
""")
PLANS = text("""
    SELECT generic_plans, custom_plans FROM pg_prepared_statements
    WHERE statement LIKE '%ordercast_positions%'
""")


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Connection]:
    engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        connection.execute(FILL, {"events": EVENTS})
        connection.execute(text("ANALYZE ordercast_positions, ordercast_entries"))
        # As in a table of millions: to read costs much more than to plan.
        connection.execute(text("SET LOCAL random_page_cost = 4000"))
        connection.execute(text("SET LOCAL seq_page_cost = 1000"))
        yield connection
    engine.dispose()


@pytest.mark.parametrize("rooms", [None, ["user:7"], ["user:7", "user:8", "nobody:1"]])
def test_a_read_of_the_journal_is_planned_once(
    connection: Connection, rooms: list[str] | None
) -> None:
    for number in range(READS):
        after = EVENTS - 100 - number
        assert reading.since(connection, after, limit=1000, rooms=rooms)
        assert reading.sizes(connection, after, limit=1000, rooms=rooms, until=EVENTS)
    plans = connection.execute(PLANS).all()
    assert len(plans) == 2
    assert all(custom == 5 and generic > 0 for generic, custom in plans), plans
