"""Lanes for bench/lanes.py: so many journals in one database, each in a schema of its own, with the
library's own tables, sequencer and reads. The library itself has one journal and no lanes.

A room `kind:receiver` belongs to the receiver's lane. Every other room is in every lane: an event
to it has a row in each, in the same transaction.
"""

from collections.abc import Iterable, Sequence
from functools import cache, cached_property
from zlib import crc32

import orjson
from sqlalchemy import Engine, TextClause, create_engine, make_url, text

from ordercast import migrations
from ordercast.broker import Broker, Redis
from ordercast.captures import Captures
from ordercast.database import Database
from ordercast.journal import Journal, NewEvent, Publisher, Sequencer
from ordercast.payloads import encode


def receiver_of(room: str) -> str | None:
    """None: the room is nobody's own."""
    _, colon, receiver = room.partition(":")
    return receiver if colon else None


def lane_of(receiver: str, lanes: int) -> int:
    return crc32(receiver.encode()) % lanes


def event(room: str, **payload: object) -> NewEvent:
    return NewEvent(room, "lane", encode(payload))


class Lane:
    """One journal. Its engine is made at the first use: after any fork."""

    def __init__(self, database_url: str, redis_url: str, schema: str) -> None:
        self.schema = schema
        self.broker = Broker(redis_url, prefix=schema)
        self._url = make_url(database_url)

    @cached_property
    def engine(self) -> Engine:
        options = {"options": f"-csearch_path={self.schema}"}
        return create_engine(self._url.set(drivername="postgresql+psycopg"), connect_args=options)

    @cached_property
    def _redis(self) -> Redis:
        return self.broker.connect()

    @cached_property
    def journal(self) -> Journal:
        captures = Captures(lambda: False)
        database = Database(lambda: self.engine)
        return Journal(database, self.broker, captures, origin=lambda _name: None)

    def create(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {self.schema}"))
        migrations.upgrade(self.engine)
        self.engine.dispose()

    def sequencer(self) -> Sequencer:
        return self.journal.sequencer(Publisher(self.broker))

    def ring(self) -> None:
        self._redis.publish(self.broker.doorbell_channel, "")


class Lanes:
    """All of them, for a process that appends."""

    def __init__(self, database_url: str, lanes: Sequence[Lane]) -> None:
        self.lanes = lanes
        url = make_url(database_url).set(drivername="postgresql+psycopg")
        self._engine = create_engine(url)

    def of(self, room: str) -> list[Lane]:
        receiver = receiver_of(room)
        return [
            lane
            for number, lane in enumerate(self.lanes)
            if receiver is None or number == lane_of(receiver, len(self.lanes))
        ]

    def append(self, events: Iterable[NewEvent]) -> list[Lane]:
        """Commit the events in one transaction -> the lanes whose sequencers have to be woken."""
        by_lane: dict[str, list[NewEvent]] = {}
        for each in events:
            for lane in self.of(each.room):
                by_lane.setdefault(lane.schema, []).append(each)
        with self._engine.begin() as connection:
            for schema, own in by_lane.items():
                connection.execute(_insert(schema), {"rows": _rows(own)})
        return [lane for lane in self.lanes if lane.schema in by_lane]

    def close(self) -> None:
        self._engine.dispose()
        for lane in self.lanes:
            lane.engine.dispose()


@cache
def _insert(schema: str) -> TextClause:
    """One statement for any number of events, in their order, as the library's own."""
    return text(f"""
INSERT INTO {schema}.ordercast_entries (room, name, data)
SELECT room, name, data FROM ROWS FROM (json_to_recordset(CAST(:rows AS json))
    AS (room text, name text, data text)) WITH ORDINALITY AS given (room, name, data, place)
ORDER BY place
""")


def _rows(events: Sequence[NewEvent]) -> str:
    given = [{"room": one.room, "name": one.name, "data": one.data.text} for one in events]
    return orjson.dumps(given).decode()
