"""A trace as a person on call reads it, and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import click
import orjson

from ordercast.ledger import ConnectionRecord
from ordercast.trace.answers import (
    EventTrace,
    ProcessTrace,
    Progress,
    Receipt,
    ReceiptState,
    Trace,
)

MAX_LINES = 50  # of connections of one event
ORDER = (  # what is wrong comes first
    ReceiptState.UNKNOWN,
    ReceiptState.MISSED,
    ReceiptState.SENT,
    ReceiptState.WAITING,
    ReceiptState.READ,
)


def print_trace(trace: Trace, *, as_json: bool = False) -> None:
    """Print the answer, as one JSON object or in words; end the command with the exit code 1 if
    there is no event, and nothing else to tell."""
    if as_json:
        click.echo(orjson.dumps(trace, default=list).decode())  # named tuples are lists
    elif trace.events or trace.connections:
        for line in lines(trace):
            click.echo(line)
    else:
        click.echo(f"{trace.none_code}: {trace.none}", err=True)
    if not (trace.events or trace.connections):
        raise SystemExit(1)


def lines(trace: Trace) -> Iterator[str]:
    """The lines of an answer with events, or with a user's connections."""
    if trace.connections:
        yield f"connections of the user: {len(trace.connections)}"
        for one in trace.connections:
            yield f"  {_connection(one)}: {_history(one)}"
        yield ""
    for event in trace.events:
        yield from _event(event)
        yield ""
    if trace.none is not None:
        yield trace.none
    for gap in trace.gaps:
        yield f"not known: {gap}"


def _event(event: EventTrace) -> Iterator[str]:
    offset = "without an offset" if event.offset is None else str(event.offset)
    yield f"event {offset} {event.name} to {', '.join(event.rooms)}"
    by = f" by request {event.request_id}" if event.request_id else ""
    about = f", about {event.key}" if event.key else ""
    yield f"  committed  {_moment(event.committed_at)}{by}{about}"
    yield f"  sequenced  {_sequenced(event)}"
    if event.fault is not None:
        yield f"  set aside  it can be delivered to nobody: {event.fault}"
    for process in event.processes:
        yield f"  {'sent' if process is event.processes[0] else '':<9}  {_process(process)}"
    if event.receipts:
        counts = Counter(one.state for one in event.receipts)
        told = ", ".join(f"{counts[state]:,} {state}" for state in ORDER if counts[state])
        yield f"  clients    {told}"
        yield from _receipts(event)
    if event.rooms_without_clients:
        rooms = ", ".join(event.rooms_without_clients)
        yield f"  nobody     was connected in {rooms}: {_replayed(event)}"


def _sequenced(event: EventTrace) -> str:
    if event.offset is None:
        return "not yet: no worker has given it an offset"
    after, until = event.sequenced_after, event.sequenced_until
    if after is None or until is None:
        return "yes; when is not kept"
    times = _time(until) if after == until else f"{_time(after)} to {_time(until)}"
    if event.is_published:
        return f"{times}, and published"
    return f"{times}; Redis did not take it: the processes read the journal"


def _process(one: ProcessTrace) -> str:
    name = f"process {one.process.pid} of {one.process.host}"
    if one.progress is Progress.SENT:
        if one.after is None or one.until is None:
            return f"{name}: yes; when is not kept"
        return f"{name}: {_time(one.after)} to {_time(one.until)}"
    if one.progress is Progress.BEHIND:
        return f"{name}: not yet, it is at {one.process.position}"
    if one.progress is Progress.ENDED and one.process.ended_at is not None:
        return f"{name}: no, it shut down at {_time(one.process.ended_at)}"
    at = _time(one.process.written_at)
    return f"{name}: unknown: killed, or could not write, after {at}"


def _receipts(event: EventTrace) -> Iterator[str]:
    chosen = sorted(event.receipts, key=lambda one: ORDER.index(one.state))
    for one in chosen[:MAX_LINES]:
        yield f"    {_connection(one.connection)}: {_receipt(one, event)}"
    if len(chosen) > MAX_LINES:
        yield f"    and {len(chosen) - MAX_LINES:,} more: --json has all"


def _receipt(one: Receipt, event: EventTrace) -> str:
    if one.state is ReceiptState.READ:
        at = "" if one.at is None else f" at {_time(one.at)}"
        return f"read: {one.why}{at}"
    if one.state is ReceiptState.MISSED:
        return f"{one.why}: {_replayed(event)}"
    return one.why if one.state is ReceiptState.SENT else f"{one.state}: {one.why}"


def _replayed(event: EventTrace) -> str:
    if event.kept_until is None:
        return "will be replayed to a client that comes back"
    return f"will be replayed until {_moment(event.kept_until)} to a client that comes back"


def _connection(one: ConnectionRecord) -> str:
    user = "no user" if one.user_id is None else f"user {one.user_id}"
    known: Sequence[str] = [user, f"sid {one.sid}", one.address, one.transport]
    return " ".join(filter(None, known))


def _history(one: ConnectionRecord) -> str:
    told = f"since {_time(one.since)}, from offset {one.offset}"
    if one.acknowledged is not None and one.acknowledged_at is not None:
        told += f", acknowledged {one.acknowledged} at {_time(one.acknowledged_at)}"
    if one.backlog_bytes:
        told += f", {one.backlog_bytes:,} bytes wait for it"
    if one.ended is not None:
        told += f", ended at {_time(one.ended.at)} ({one.ended.ending}, offset {one.ended.offset})"
    return told


def _time(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d} {_time(moment)} UTC"
