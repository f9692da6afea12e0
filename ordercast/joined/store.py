"""What a client joined or left after its connect.

A client is known by its pid, which stays the same while it is recovered. Each recovery takes the
client's rows over with a higher generation: an older connection of the same client, which may live
on in another process, changes them no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, tuple_, update

from ordercast.database import Database, upsert
from ordercast.joined.tables import JOINED
from ordercast.journal.tables import HEAD

joined = JOINED.c
USED = ""  # in the place of a client
MORE = ""  # in the place of a room: the client joined more rooms than are kept


class Joined(NamedTuple):
    """A row."""

    position: int  # after which the room's events are owed
    is_joined: bool  # False: left
    from_connect: bool  # one of the rooms that the pid is signed for
    generation: int


class Client(NamedTuple):
    """The client of a connection."""

    key: str  # a digest of its pid
    issued_at: datetime | None  # the pid; None: unknown
    generation: int


class Superseded(Exception):
    """A younger connection of the same client has taken its rooms over."""


class JoinedRooms:
    """Every method raises SQLAlchemyError, and has committed when it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, keys: Sequence[str]) -> dict[str, dict[str, Joined]]:
        """{client's key: {room: row}}, of those that have rows."""
        content = joined.position, joined.is_joined, joined.from_connect, joined.generation
        query = select(joined.client, joined.room, *content).where(joined.client.in_(keys))
        found: dict[str, dict[str, Joined]] = {}
        with self._database.reading() as connection:
            for key, room, *row in connection.execute(query):
                found.setdefault(key, {})[room] = Joined(*row)
        return {key: _of_the_youngest(rows) for key, rows in found.items()}

    def is_used(self) -> bool:
        """Whether mark_used() was ever called."""
        with self._database.reading() as connection:
            return connection.scalar(select(joined.client).where(joined.client == USED)) is not None

    def mark_used(self) -> None:
        """Keep, for ever, that clients of this database join and leave rooms late."""
        row = {"client": USED, "room": "", "position": 0, "generation": 0}
        with self._database.writing() as connection:
            insert = upsert(connection, JOINED).values(**row, is_joined=False, from_connect=False)
            connection.execute(insert.on_conflict_do_nothing())

    def join(self, client: Client, room: str, *, from_connect: bool) -> int:
        """Keep that the client has joined the room -> the journal's position then: only later
        events are owed. Raises Superseded."""
        with self._database.writing() as connection:
            self._check(connection, client)
            position: int = connection.scalars(select(HEAD.c.position)).one()
            self._keep(connection, client, room, position, from_connect, is_joined=True)
        return position

    def move(self, client: Client, room: str, position: int) -> None:
        """Let the room's events be owed after this position only."""
        own = joined.client == client.key, joined.room == room
        with self._database.writing() as connection:
            connection.execute(update(JOINED).where(*own).values(position=position))

    def leave(self, client: Client, room: str, *, from_connect: bool) -> None:
        """Keep that the client has left the room. Raises Superseded."""
        with self._database.writing() as connection:
            self._check(connection, client)
            self._keep(connection, client, room, 0, from_connect, is_joined=False)

    def close(self, room: str) -> None:
        """Let every client have left the room, those that are away as well."""
        with self._database.writing() as connection:
            connection.execute(update(JOINED).where(joined.room == room).values(is_joined=False))

    def forget(self, client: Client, rooms: Iterable[str]) -> None:
        """Delete rows of rooms that the client has left."""
        own = joined.client == client.key, joined.room.in_(list(rooms))
        with self._database.writing() as connection:
            connection.execute(delete(JOINED).where(*own, joined.is_joined.is_(False)))

    def take_over(self, client: Client, rejoined: Mapping[str, int]) -> Client:
        """Let the client's rows be those of its new connection, which has joined these rooms again
        at these positions -> the client with its new generation. Raises Superseded if another
        connection was faster."""
        own = joined.client == client.key
        younger = client._replace(generation=client.generation + 1)
        with self._database.writing() as connection:
            self._check(connection, client)
            mine = update(JOINED).where(own, joined.generation <= client.generation)
            if not connection.execute(mine.values(generation=younger.generation)).rowcount:
                raise Superseded
            for room, position in rejoined.items():
                again = update(JOINED).where(own, joined.room == room)
                connection.execute(again.values(position=position, is_joined=True))
        return younger

    def _check(self, connection: Connection, client: Client) -> None:
        youngest = select(func.max(joined.generation)).where(joined.client == client.key)
        found = connection.scalars(youngest).one()
        if found is not None and found > client.generation:
            raise Superseded

    def _keep(
        self,
        connection: Connection,
        client: Client,
        room: str,
        position: int,
        from_connect: bool,
        *,
        is_joined: bool,
    ) -> None:
        what = {"is_joined": is_joined, "position": position, "generation": client.generation}
        row = {"client": client.key, "room": room, "issued_at": client.issued_at}
        insert = upsert(connection, JOINED).values(**row, **what, from_connect=from_connect)
        connection.execute(
            insert.on_conflict_do_update(index_elements=["client", "room"], set_=what)
        )


def _of_the_youngest(rows: dict[str, Joined]) -> dict[str, Joined]:
    """Without what an older connection wrote in the moment in which it was superseded."""
    youngest = max(row.generation for row in rows.values())
    return {room: row for room, row in rows.items() if row.generation == youngest}


def prune(database: Database, before: datetime, limit: int) -> int:
    """Delete up to `limit` rows of pids that were issued before this -> how many."""
    old = joined.issued_at < before
    with database.writing() as connection:
        rows = connection.execute(select(*JOINED.primary_key).where(old).limit(limit))
        keys = [tuple(row) for row in rows]
        if keys:
            key = tuple_(joined.client, joined.room)
            connection.execute(delete(JOINED).where(key.in_(keys), old))
    return len(keys)
