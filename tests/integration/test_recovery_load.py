"""A process is gone for a minute and all its clients come back at once."""

import time

from ordercast.live.late_use import LEASE_SECONDS
from ordercast.live.revocations import REFRESH_SECONDS
from tests.harness.application.tabs import Tab, WebProcess, append, published, somebody, statements

CLIENTS = 1000
LIMIT = 10  # statements for all of them


def test_recovery_of_1000_clients_that_were_away_touches_the_database_less_than_10_times(
    process: WebProcess,
) -> None:
    """The ring still holds what they missed. The check for revocations looks at the table once for
    all of them, and again after each second that this machine needs; whether any client ever joined
    a room late is asked four times a second."""
    tabs = [Tab(somebody(str(number))).connect(process).cut() for number in range(CLIENTS)]
    for number in range(CLIENTS):
        append(f"user:{number}")
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
