"""Reads of the running service."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import select

from app.accounts import administration
from app.accounts.models import User
from app.db import db, release, row_id
from app.extension import cast
from app.operations.errors import EventNotFound
from app.operations.wire import (
    ConnectionView,
    EventView,
    ProcessView,
    ProgressView,
    ReceiptView,
    RefusedEntryView,
    ServiceView,
    TraceView,
    WorkerView,
)
from ordercast import ConnectionRecord, InboxUnavailable, LedgerUnavailable, Receipt

MAX_RECEIPTS = 200  # of an event for everybody there are as many as connections


def service() -> dict[str, Any]:
    """The service now; what does not answer is null."""
    checks, status = cast.health()
    backlog = cast.backlog()
    try:
        refused = cast.refusals.page(before=None, limit=1).total
    except InboxUnavailable:
        refused = None
    return ServiceView.model_validate(
        {
            "status": status,
            "checks": checks,
            "head": backlog.head,
            "events_waiting": backlog.events,
            "events_waiting_seconds": backlog.events_seconds,
            "entries_waiting": backlog.entries,
            "entries_waiting_seconds": backlog.entries_seconds,
            "entries_refused": refused,
            "processes": _processes(),
            "workers": _workers(),
        }
    ).wire()


def _processes() -> list[ProcessView] | None:
    try:
        return [ProcessView.model_validate(one) for one in cast.processes()]
    except LedgerUnavailable:
        return None


def _workers() -> list[WorkerView] | None:
    try:
        return [WorkerView.model_validate(one) for one in cast.workers()]
    except LedgerUnavailable:
        return None


def connections(
    *, user: str | None, address: str | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of open connections, of this user (id or e-mail address) or address, or of all.
    Raises ValueError for a cursor that is none; LedgerUnavailable."""
    person = administration.find(user) if user else None
    user_id = person.id if person else user
    page = cast.connections(user=user_id, address=address, after=after, limit=limit)
    emails = _emails(one.user_id for one in page.connections)
    shown = [_connection(one, emails.get(one.user_id)) for one in page.connections]
    return {"connections": shown, "total": page.total, "nextCursor": page.following}


def _connection(one: ConnectionRecord, email: str | None) -> dict[str, Any]:
    return ConnectionView(
        id=one.sid,
        user_id=one.user_id,
        email=email,
        address=one.address,
        transport=one.transport,
        since=one.since,
        process=one.process,
        offset=str(one.offset),
        acknowledged=None if one.acknowledged is None else str(one.acknowledged),
        backlog_bytes=one.backlog_bytes,
        rooms=len(one.rooms),
    ).wire()


def _emails(user_ids: Iterable[str | None]) -> dict[str | None, str]:
    numbers = {number for one in user_ids if one is not None and (number := row_id(one))}
    rows = db.session.execute(select(User.id, User.email).where(User.id.in_(numbers))).all()
    release()
    return {str(number): email for number, email in rows}


def events(
    *, room: str | None, name: str | None, after: int, before: int | None, limit: int
) -> dict[str, Any]:
    """A page of the journal, the latest first."""
    page = cast.events(room=room, name=name, after=after, before=before, limit=limit)
    shown = [EventView.model_validate({**one._asdict(), "offset": one.position}) for one in page[0]]
    following = None if page.following is None else str(page.following)
    return {"events": [one.wire() for one in shown], "nextCursor": following}


def trace(offset: int) -> dict[str, Any]:
    """What happened to the event with this offset. Raises EventNotFound."""
    found = cast.trace(offset=offset)
    if not found.events:
        raise EventNotFound(f"There is no such event: {found.none}.")
    [event] = found.events
    entry = cast.event(offset)
    states = Counter(receipt.state for receipt in event.receipts)
    return TraceView(
        offset=str(offset),
        name=event.name,
        rooms=list(event.rooms),
        key=event.key,
        request_id=event.request_id,
        committed_at=event.committed_at,
        fault=event.fault,
        data=None if entry is None else orjson.loads(entry.data),
        sequenced_after=event.sequenced_after,
        sequenced_until=event.sequenced_until,
        is_published=event.is_published,
        processes=[
            ProgressView(
                host=one.process.host,
                pid=one.process.pid,
                progress=one.progress,
                after=one.after,
                until=one.until,
            )
            for one in event.processes
        ],
        states=dict(states),
        receipts=[_receipt(one) for one in event.receipts[:MAX_RECEIPTS]],
        gaps=list(found.gaps),
    ).wire()


def _receipt(receipt: Receipt) -> ReceiptView:
    connection = receipt.connection
    return ReceiptView(
        user_id=connection.user_id,
        address=connection.address,
        transport=connection.transport,
        since=connection.since,
        state=receipt.state,
        why=receipt.why,
    )


def refused_entries(*, before: str | None, limit: int) -> dict[str, Any]:
    """The inbox's refused entries, the last one first. Raises ValueError for a cursor that is none,
    InboxUnavailable."""
    page = cast.refusals.page(before=before, limit=limit)
    shown = [
        RefusedEntryView.model_validate({**asdict(one), "raw_data": one.data}).wire()
        for one in page.entries
    ]
    return {"entries": shown, "total": page.total, "nextCursor": page.following}
