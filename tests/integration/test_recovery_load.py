"""A process is gone for a minute and all its clients come back at once."""

import time

from sqlalchemy import text

from app.db import db, transaction
from ordercast.live.late_use import LEASE_SECONDS
from ordercast.revocation.memory import REFRESH_SECONDS
from tests.harness.application.tabs import Start, Tab, append, published, somebody, statements

CLIENTS = 1000
BULK = 10_000  # notifications of one bulk job, for one room
CAPACITY = 3_000  # entries of the process's memory
LIMIT = 10  # statements for all of them


def test_recovery_of_1000_clients_that_were_away_touches_the_database_less_than_10_times(
    start: Start,
) -> None:
    """The ring still holds what they missed, although a bulk job has had more events since than fit
    into it. The check for revocations looks at the table once for
    all of them, and again after each second that this machine needs; whether any client ever joined
    a room late is asked four times a second."""
    process = start(ring=CAPACITY)
    tabs = [Tab(somebody(str(number))).connect(process).cut() for number in range(CLIENTS)]
    for number in range(CLIENTS):
        append(f"user:{number}")
    append_bulk("user:bulk", BULK)
    process.hear(*published())

    started = time.monotonic()
    with statements(process.database) as asked:
        for tab in tabs:
            tab.connect(process)
    seconds = time.monotonic() - started

    assert all(tab.recovered for tab in tabs)
    assert [tab.offsets for tab in tabs] == [[number + 1] for number in range(CLIENTS)]
    looks = [one for one in asked if not one.startswith("BEGIN")]
    tables = "FROM ordercast_revocations", "FROM ordercast_joined"
    revocations, joined = (sum(table in one for one in looks) for table in tables)
    assert revocations + joined == len(looks)
    assert revocations < LIMIT + seconds / REFRESH_SECONDS
    assert joined < LIMIT + seconds / LEASE_SECONDS


def append_bulk(room: str, count: int) -> None:
    """As a job does that is written in SQL."""
    insert = text("INSERT INTO ordercast_events (room, name, data) VALUES (:room, 'test', :data)")
    with transaction():
        db.session.execute(
            insert, [{"room": room, "data": f'{{"number":{number}}}'} for number in range(count)]
        )
