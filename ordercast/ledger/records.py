"""A process and a connection, as the ledger has them, and their JSON text in Redis.

Times are those of the database's clock, as far as a process knows it. Keys in JSON are short: there
are as many records as connections.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import orjson

KEPT_SECONDS = 3600.0  # an ended connection, and a process that writes no more
MAX_MARKS = 4000  # of one process: an hour of steady events, at one a second
SILENCE_SECONDS = 5.0  # at least, without a write, after which a process is not heard any more


class RoomSpan(NamedTuple):
    """A room's events after `after`, and up to `until` if the client left it."""

    after: int
    until: int | None = None

    def has(self, offset: int) -> bool:
        return self.after < offset and (self.until is None or offset <= self.until)


class Mark(NamedTuple):
    """A process came to `position` between two of its writes."""

    position: int
    after: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a connection: later events than `offset` were not sent on it."""

    offset: int
    at: datetime
    ending: (
        str  # of docs/protocol.md; or the reason, when the client has left and its session stays
    )


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """A connection. `offset`: what the client had when it connected; events of its rooms after that
    are sent on this connection."""

    sid: str
    process: str
    user_id: str | None  # None: without an identity
    address: str
    transport: str  # websocket or polling
    since: datetime
    client: str  # the same for all connections of a client that is recovered
    offset: int
    is_recovered: bool
    is_replaying: bool  # events that it missed are on their way, or wait for it
    rooms: Mapping[str, RoomSpan]
    more_rooms: int = 0  # that are not in `rooms`, as these were too many
    backlog_bytes: int = 0  # that wait for the client
    acknowledged: int | None = None  # the highest offset that the client has acknowledged
    acknowledged_at: datetime | None = None
    ended: Ended | None = None

    def has(self, offset: int, rooms: frozenset[str], everybody: str) -> bool:
        """Whether an event of these rooms is one of this connection's."""
        if offset <= self.offset or (self.ended is not None and offset > self.ended.offset):
            return False
        if everybody in rooms or self.sid in rooms:
            return True
        return any(room in rooms and span.has(offset) for room, span in self.rooms.items())

    def text(self) -> bytes:
        """JSON, without the process and the sid, which are in the key and the field."""
        written: dict[str, Any] = {
            "u": self.user_id,
            "a": self.address,
            "t": self.transport,
            "s": _ms(self.since),
            "c": self.client,
            "o": self.offset,
            "r": [
                room if span == (self.offset, None) else [room, *span]
                for room, span in self.rooms.items()
            ],
        }
        for key, value in (
            ("v", self.is_recovered),
            ("p", self.is_replaying),
            ("b", self.backlog_bytes),
            ("m", self.more_rooms),
        ):
            if value:
                written[key] = value
        if self.acknowledged is not None and self.acknowledged_at is not None:
            written["k"] = [self.acknowledged, _ms(self.acknowledged_at)]
        if self.ended is not None:
            written["e"] = [self.ended.offset, _ms(self.ended.at), self.ended.ending]
        try:
            return orjson.dumps(written)
        except TypeError:  # a team's name of a user or a room that is no Unicode
            return json.dumps(written, ensure_ascii=False).encode(errors="replace")

    @classmethod
    def read(cls, process: str, sid: str, text: bytes) -> Self:
        """Raises ValueError, KeyError or TypeError for the text of another release."""
        found = orjson.loads(text)
        offset: int = found["o"]
        acknowledged = found.get("k")
        ended = found.get("e")
        return cls(
            sid=sid,
            process=process,
            user_id=found["u"],
            address=found["a"],
            transport=found["t"],
            since=moment(found["s"]),
            client=found["c"],
            offset=offset,
            is_recovered=bool(found.get("v")),
            is_replaying=bool(found.get("p")),
            rooms=dict(
                (one, RoomSpan(offset)) if isinstance(one, str) else (one[0], RoomSpan(*one[1:]))
                for one in found["r"]
            ),
            more_rooms=found.get("m", 0),
            backlog_bytes=found.get("b", 0),
            acknowledged=acknowledged[0] if acknowledged else None,
            acknowledged_at=moment(acknowledged[1]) if acknowledged else None,
            ended=Ended(ended[0], moment(ended[1]), ended[2]) if ended else None,
        )


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A web process. It began to follow the journal behind `began`, and had fanned out everything
    up to `position` when it wrote last."""

    name: str
    host: str
    pid: int
    journal: str
    started_at: datetime
    written_at: datetime
    began: int
    position: int
    connections: int
    every: float  # seconds between two writes
    ended_at: datetime | None = None  # it has written all, and shut down
    forgotten_at: datetime | None = None  # connections that ended up to here are not kept
    lost: int = 0  # ended connections that could not be written
    is_replaced: bool = False  # the process goes on under another name, as these were too many
    marks: tuple[Mark, ...] = field(default=(), repr=False)  # the youngest first

    def is_heard(self, now: datetime) -> bool:
        """Whether the process writes, as far as can be known: it may have been killed since."""
        silence = max(SILENCE_SECONDS, 4 * self.every)
        is_over = self.is_replaced or self.ended_at is not None
        return not is_over and (now - self.written_at).total_seconds() < silence

    def reached(self, offset: int) -> Mark | None:
        """When the process came to this offset; None if it has not, or that is not kept."""
        found = None
        for mark in self.marks:
            if mark.position < offset:
                break
            found = mark
        is_oldest = found is not None and found is self.marks[-1]
        return None if is_oldest and len(self.marks) >= MAX_MARKS else found

    def text(self) -> bytes:
        return orjson.dumps(
            {
                "host": self.host,
                "pid": self.pid,
                "journal": self.journal,
                "started": _ms(self.started_at),
                "written": _ms(self.written_at),
                "began": self.began,
                "position": self.position,
                "connections": self.connections,
                "every": self.every,
                "ended": _ms(self.ended_at),
                "forgotten": _ms(self.forgotten_at),
                "lost": self.lost,
                "replaced": self.is_replaced,
            }
        )

    @classmethod
    def read(cls, name: str, text: bytes, marks: tuple[Mark, ...] = ()) -> Self:
        """Raises ValueError, KeyError or TypeError for the text of another release."""
        found = orjson.loads(text)
        ended, forgotten = found["ended"], found["forgotten"]
        return cls(
            name=name,
            host=found["host"],
            pid=found["pid"],
            journal=found["journal"],
            started_at=moment(found["started"]),
            written_at=moment(found["written"]),
            began=found["began"],
            position=found["position"],
            connections=found["connections"],
            every=found["every"],
            ended_at=None if ended is None else moment(ended),
            forgotten_at=None if forgotten is None else moment(forgotten),
            lost=found["lost"],
            is_replaced=found["replaced"],
            marks=marks,
        )


def mark_text(mark: Mark) -> bytes:
    return f"{mark.position} {_ms(mark.after)} {_ms(mark.until)}".encode()


def read_mark(text: bytes) -> Mark:
    position, after, until = map(int, text.split())
    return Mark(position, moment(after), moment(until))


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
