"""/api/admin/events and /api/admin/inbox: the journal, and what was refused on its way there."""

from typing import Any

from flask import Blueprint

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.db import row_id
from app.http.bodies import JournalPage, Page
from app.http.operation import operation
from app.http.paging import InvalidCursor
from app.operations import inbox, queries
from app.operations.errors import EntryNotFound, EventNotFound
from app.operations.wire import EventView, RefusedEntryView, TraceView
from ordercast import InboxUnavailable

blueprint = Blueprint("admin_journal", __name__, url_prefix="/api/admin")


@blueprint.get("/events")
@operation(
    "Events of the journal, the latest first.",
    roles={Role.ADMIN},
    query=JournalPage,
    answer=EventView,
    many="events",
    errors=(InvalidCursor,),
)
def list_events(caller: Identity, query: JournalPage) -> dict[str, Any]:
    """?room&name&after&before&limit&cursor -> 200 {events, nextCursor}; `name` may have *. A page
    may be empty, and another follow."""
    before = query.before
    if query.cursor is not None:
        before = row_id(query.cursor)
        if before is None:
            raise InvalidCursor
    return queries.events(
        room=query.room or None,
        name=query.name or None,
        after=query.after,
        before=before,
        limit=query.limit,
    )


@blueprint.get("/events/<offset>")
@operation(
    "What happened to an event.",
    roles={Role.ADMIN},
    answer=TraceView,
    errors=(EventNotFound,),
)
def get_trace(caller: Identity, offset: str) -> dict[str, Any]:
    """-> 200 trace | 404."""
    position = row_id(offset)
    if position is None:
        raise EventNotFound("There is no such event: an offset is a number from 1 up.")
    return queries.trace(position)


@blueprint.get("/inbox")
@operation(
    "Entries of the inbox that were refused, the last one first.",
    roles={Role.ADMIN},
    query=Page,
    answer=RefusedEntryView,
    many="entries",
    counted=True,
    errors=(InvalidCursor, InboxUnavailable),
)
def list_refused(caller: Identity, query: Page) -> dict[str, Any]:
    """?limit&cursor -> 200 {entries, total, nextCursor} | 503."""
    try:
        return queries.refused_entries(before=query.cursor, limit=query.limit)
    except InboxUnavailable:  # a ValueError too
        raise
    except ValueError as exc:
        raise InvalidCursor from exc


@blueprint.post("/inbox/<entry_id>/retry")
@operation(
    "Put a refused entry into the inbox again.",
    roles={Role.ADMIN},
    status=204,
    errors=(EntryNotFound, InboxUnavailable),
)
def retry(caller: Identity, entry_id: str) -> None:
    """-> 204 | 404 | 503."""
    inbox.retry(entry_id, by=caller.user_id)


@blueprint.delete("/inbox/<entry_id>")
@operation(
    "Delete a refused entry.",
    roles={Role.ADMIN},
    status=204,
    errors=(EntryNotFound, InboxUnavailable),
)
def delete(caller: Identity, entry_id: str) -> None:
    """-> 204 | 404 | 503."""
    inbox.delete(entry_id, by=caller.user_id)
