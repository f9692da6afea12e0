"""Appending: the change and its events commit together or not at all."""

from typing import Any

from app.db import db
from app.events import encode
from app.journal.models import JournalEvent


def append(room: str, name: str, data: dict[str, Any]) -> None:
    """Add an event to the transaction that is open. Raises RuntimeError outside of one: an event
    without the change it announces would be a lie, and so would the reverse."""
    session = db.session()
    if not session.info.get("in_transaction"):
        raise RuntimeError("journal.append() outside of transaction()")
    session.add(JournalEvent(room=room, name=name, data=encode(data)))
    session.info["rings"] = True
