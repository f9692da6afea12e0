"""Databases as an earlier release left them: its tables, with the rows that its processes wrote.

Alice (customer, user 1) was connected when her order was confirmed, and then was not. Since then a
row that cannot be delivered was set aside, a parcel was announced through the inbox, a token, two
sessions and Charlie (user 3) were revoked, and three events wait for their positions.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg

SCHEMAS = Path(__file__).parents[2] / "schemas"
LATEST = "0006"  # the last revision under which the library's tables were the marketplace's
TABLES = {  # of the library, before: now
    "events": "ordercast_events",
    "events_set_aside": "ordercast_set_aside",
    "journal_head": "ordercast_head",
    "inbox_ids": "ordercast_inbox_ids",
    "revocations": "ordercast_revocations",
}
JOURNAL = "0f2c6a1d9b3e4857a6c1d2e3f4051627"
HEAD = 12
WAITING_IDS = [13, 14, 15]
# Given to Alice by a process of that release, and signed with the secret of the tests.
PID = (
    "WyIxIiwiY3VzdG9tZXIiLDAsIjBmMmM2YTFkOWIzZTQ4NTdhNmMxZDJlM2Y0MDUxNjI3IixudWxsLCI2NmIzOGU5"
    "YSJd.IOL46oDSLVNjMXW98ay3moVue5g"
)
OFFSET = "2"  # the last that she got
MISSED = [5, 13]  # hers since then: the parcel, and the order's next status once it is sequenced
INBOX_ID = "parcel-7"
# Else they are old enough to be pruned.
TODAY = "UPDATE {} SET created_at = '{}'"


def restore(url: str) -> None:
    """Make the empty database at `url` one of the release before, in use until now."""
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.executescript(_dump("sqlite"))
            for table in ("events", "inbox_ids"):
                file.execute(TODAY.format(table, moment))
            file.commit()
        return
    with psycopg.connect(url) as server:
        server.execute(_dump("postgresql").encode())
        for table in ("events", "inbox_ids"):
            server.execute(TODAY.format(table, f"{moment}+00").encode())


def _dump(dialect: str) -> str:
    return (SCHEMAS / f"{LATEST}.{dialect}.sql").read_text()
