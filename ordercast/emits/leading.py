"""Which worker leads: the one row that says so, and is written only by the leader that it names."""

from typing import NamedTuple

from sqlalchemy import Connection, select, text, update

from ordercast.database import upsert
from ordercast.emits.tables import RELAY, RELAY_ID

columns = RELAY.c
# A leader that is frozen inside a transaction has to let the row go before the others give it up.
IDLE_SECONDS = 2
LIMIT_IDLE = text(
    "SELECT set_config('idle_in_transaction_session_timeout', :idle, true)"
).bindparams(idle=f"{IDLE_SECONDS}s")


class Place(NamedTuple):
    """A message of the channel: the `number`-th after a mark."""

    mark: str
    number: int


class Lead(NamedTuple):
    leader: str  # empty: none
    beat: int
    place: Place  # of the last message that was journalled


def lead(connection: Connection) -> Lead:
    """Who leads."""
    return _read(connection, is_locked=False)


def lock_lead(connection: Connection) -> Lead:
    """Who leads, until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(LIMIT_IDLE)
    return _read(connection, is_locked=True)


def write_lead(connection: Connection, lead: Lead) -> None:
    """Write a row that is locked, and change its beat."""
    connection.execute(
        update(RELAY)
        .where(columns.id == RELAY_ID)
        .values(
            leader=lead.leader,
            beat=lead.beat + 1,
            mark=lead.place.mark,
            number=lead.place.number,
        )
    )


def _read(connection: Connection, *, is_locked: bool) -> Lead:
    query = select(columns.leader, columns.beat, columns.mark, columns.number).where(
        columns.id == RELAY_ID
    )
    if is_locked:
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None and is_locked:  # `create_all()` made the table
        connection.execute(upsert(connection, RELAY).on_conflict_do_nothing(), {"id": RELAY_ID})
        # Another worker may have added the row, and leads, while this one waited for its commit.
        row = connection.execute(query).one_or_none()
    if row is None:
        return Lead("", 0, Place("", 0))
    return Lead(row.leader, row.beat, Place(row.mark, row.number))
