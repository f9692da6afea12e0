"""The inbox's entries that were refused: tried again, or deleted."""

from app import audit
from app.audit import Action
from app.db import transaction
from app.extension import cast
from app.operations.errors import EntryNotFound
from ordercast import InboxUnavailable, RefusedEntry


def retry(entry_id: str, *, by: str) -> None:
    """Put a refused entry into the inbox again: the worker takes it, or refuses it once more.
    Raises EntryNotFound, InboxUnavailable."""
    _record(Action.RETRY_ENTRY, entry_id, by)
    if not cast.refusals.retry(entry_id):
        raise EntryNotFound


def delete(entry_id: str, *, by: str) -> None:
    """Delete a refused entry. Raises EntryNotFound, InboxUnavailable."""
    _record(Action.DELETE_ENTRY, entry_id, by)
    if not cast.refusals.delete(entry_id):
        raise EntryNotFound


def _record(action: Action, entry_id: str, by: str) -> None:
    """Record before acting: Redis and the database commit apart, and no action may be missing."""
    entry = _entry(entry_id)
    with transaction() as session:
        detail = f"{entry.event}: {entry.reason}"
        audit.record(session, action, entry_id, by=by, detail=detail)


def _entry(entry_id: str) -> RefusedEntry:
    """Raises EntryNotFound, also for what is no id; InboxUnavailable."""
    try:
        found = cast.refusals.find(entry_id)
    except InboxUnavailable:  # a ValueError too
        raise
    except ValueError:
        found = None
    if found is None:
        raise EntryNotFound
    return found
