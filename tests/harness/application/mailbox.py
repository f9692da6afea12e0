"""The inbox from both ends: what a script adds, and what of it is in the journal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import orjson
from flask import current_app
from sqlalchemy import event, select

from app.db import db
from ordercast.broker import Broker, Redis
from ordercast.inbox.drain import Drain
from ordercast.journal.tables import EVENTS

# SQLAlchemy tells of a COMMIT before it is sent, and then that the connection is given back.
MOMENTS = {"before_commit": "commit", "after_commit": "checkin"}
BATCH = 20  # entries in one step
Fields = dict[bytes, bytes]


def drain_once(
    client: Redis,
    broker: Broker,
    *,
    block_ms: int | None = None,
    batch: int = BATCH,
    journalled: Callable[[], object] = lambda: None,
) -> bool:
    """A step of a worker of the current application, with a Redis connection of its own."""
    service = current_app.extensions["ordercast"]
    drain = Drain(
        client,
        broker,
        database=service.database,
        journal=service.journal,
        events=service.events,
        journalled=journalled,
        batch_entries=batch,
    )
    return drain.step(block_ms=block_ms)


class Mailbox:
    """The stream of one Redis. Letters are notifications to 7 and go by their title."""

    def __init__(self, url: str) -> None:
        self.broker = Broker(url)
        self.redis = self.broker.connect(timeout=5)

    def add(self, title: str, *, id: str | None = None, **changes: str | bytes) -> bytes:
        """XADD -> the entry's id."""
        data = orjson.dumps({"title": title, "message": "m", "type": "info"})
        fields: dict[Any, Any] = {"event": "notification", "to": "7", "data": data, **changes}
        added = self.redis.xadd(self.broker.inbox, fields if id is None else {**fields, "id": id})
        return cast(bytes, added)

    def waiting(self) -> int:
        return self.redis.xlen(self.broker.inbox)

    def refused(self) -> list[Fields]:
        entries = cast(list[tuple[bytes, Fields]], self.redis.xrange(self.broker.refused))
        return [fields for _, fields in entries]

    def drain(self) -> None:
        """What a worker does until nothing is left."""
        while drain_once(self.redis, self.broker):
            continue

    def reads(self) -> int:
        """How often anybody has read the stream."""
        return int(self.redis.info("commandstats").get("cmdstat_xread", {}).get("calls", 0))


def journalled() -> list[str]:
    """The titles in the journal, in its order."""
    db.session.rollback()
    rows = db.session.scalars(select(EVENTS.c.data).order_by(EVENTS.c.id)).all()
    return [orjson.loads(data)["title"] for data in rows]


@contextmanager
def at(moment: str, action: Callable[[Any], object]) -> Iterator[None]:
    """Do this at a moment of every transaction of the engine: before_commit or after_commit."""

    def act(connection: Any, *_record: object) -> None:
        action(connection)

    event.listen(db.engine, MOMENTS[moment], act)
    try:
        yield
    finally:
        event.remove(db.engine, MOMENTS[moment], act)
