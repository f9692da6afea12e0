"""The answer to "what happened to this event?". Times are by the database's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ordercast.ledger import ConnectionRecord, ProcessRecord


class ReceiptState(StrEnum):
    """What is known of one event on one connection."""

    READ = "read"  # the client has acknowledged it, or came back with a later offset
    SENT = "sent"  # and not acknowledged, as far as is known
    WAITING = "waiting"  # it is on its way: the process is behind, or the replay goes on
    MISSED = "missed"  # the client had left; the event is replayed when it comes back
    UNKNOWN = "unknown"  # the process was killed before it wrote, or its replay broke off


@dataclass(frozen=True, slots=True)
class Receipt:
    """An event on a connection. `why` is a sentence. `offset` and `at`: what the client has
    acknowledged or came back with, and when."""

    connection: ConnectionRecord
    state: ReceiptState
    why: str
    offset: int | None = None
    at: datetime | None = None


class Progress(StrEnum):
    """How far a process came with one event."""

    SENT = "sent"  # it fanned the event out, to whoever of its clients was in the rooms
    BEHIND = "behind"  # it runs, and has not come to the event
    ENDED = "ended"  # it had shut down before
    UNKNOWN = "unknown"  # it was killed, or could not write, before it came to the event


@dataclass(frozen=True, slots=True)
class ProcessTrace:
    """`after` and `until`: between which moments the process came to the event, if that is kept."""

    process: ProcessRecord
    progress: Progress
    after: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventTrace:
    """An event. `offset` is None until it is sequenced; `fault` says why it can be delivered to
    nobody. `sequenced_after` and `sequenced_until`: between which moments it got its offset, None
    if that is not kept; `is_published`: whether Redis took it then, else the processes read the
    journal. `kept_until`: when it may be pruned; None: it never is. `rooms_without_clients`: rooms
    in which the ledger knows no client."""

    id: int
    offset: int | None
    name: str
    rooms: tuple[str, ...]
    key: str | None
    request_id: str | None
    committed_at: datetime
    kept_until: datetime | None
    fault: str | None = None
    sequenced_after: datetime | None = None
    sequenced_until: datetime | None = None
    is_published: bool | None = None
    processes: tuple[ProcessTrace, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    rooms_without_clients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """`head` and `lowest` are the journal's. `none`: why there is no event. `gaps`: what the ledger
    cannot know, each a sentence. `connections`: those of a user, for `trace(user=...)`."""

    head: int
    lowest: int
    events: tuple[EventTrace, ...] = ()
    none: str | None = None
    none_code: str | None = None  # never_existed, pruned or no_event
    gaps: tuple[str, ...] = ()
    connections: tuple[ConnectionRecord, ...] = ()
