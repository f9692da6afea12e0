"""The running service as the API shows it."""

from typing import Any, Literal

from pydantic import AwareDatetime

from ordercast import Progress, ReceiptState, Wire


class ProcessView(Wire):
    """A web process, as it wrote a second ago."""

    name: str
    host: str
    pid: int
    started_at: AwareDatetime
    written_at: AwareDatetime
    position: str  # the offset up to which it has sent
    connections: int


class WorkerView(Wire):
    host: str  # of one boot of a kernel
    pid: int


class ServiceView(Wire):
    """The service now. null: the database, or Redis, does not answer."""

    status: Literal["ok", "degraded", "unavailable"]
    checks: dict[str, str]
    head: str | None
    events_waiting: int | None  # for their offset, counted up to 10,000
    events_waiting_seconds: float | None
    entries_waiting: int | None  # in the inbox
    entries_waiting_seconds: float | None
    entries_refused: int | None
    processes: list[ProcessView] | None
    workers: list[WorkerView] | None


class ConnectionView(Wire):
    id: str
    user_id: str | None  # null: without an identity
    email: str | None  # null: no account here
    address: str
    transport: str
    since: AwareDatetime
    process: str
    offset: str  # that the client had when it connected
    acknowledged: str | None  # the highest offset that the client has acknowledged
    backlog_bytes: int  # that wait for the client
    rooms: int


class EventView(Wire):
    offset: str
    name: str
    rooms: list[str]
    key: str | None
    request_id: str | None
    committed_at: AwareDatetime
    fault: str | None  # why it can be delivered to nobody


class ReceiptView(Wire):
    user_id: str | None
    address: str
    transport: str
    since: AwareDatetime
    state: ReceiptState
    why: str


class ProgressView(Wire):
    host: str
    pid: int
    progress: Progress
    after: AwareDatetime | None
    until: AwareDatetime | None


class TraceView(EventView):
    """What happened to an event. `receipts`: the first of them; `states`: how many of all."""

    data: Any
    sequenced_after: AwareDatetime | None
    sequenced_until: AwareDatetime | None
    is_published: bool | None
    processes: list[ProgressView]
    states: dict[ReceiptState, int]
    receipts: list[ReceiptView]
    gaps: list[str]  # what cannot be known, in sentences


class RefusedEntryView(Wire):
    id: str
    at: AwareDatetime
    reason: str
    event: str | None
    to: str | None
    raw_data: str | None  # JSON or not, as the sender wrote it; cut off
