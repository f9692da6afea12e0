"""Appending: the change and its events commit together or not at all."""

from typing import Any

from flask import current_app

from app.db import db, in_transaction, on_commit
from ordercast.events import encode
from ordercast.journal.models import JournalEvent


def append(room: str, name: str, data: dict[str, Any]) -> None:
    """Add an event to the transaction that is open. Raises RuntimeError outside of one: an event
    without the change it announces would be a lie, and so would the reverse."""
    if not in_transaction():
        raise RuntimeError("journal.append() outside of transaction()")
    db.session.add(JournalEvent(room=room, name=name, data=encode(data)))
    on_commit(current_app.extensions["doorbell"].ring)
