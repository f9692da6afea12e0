"""The journal of the application in whose context a test is."""

from datetime import datetime
from typing import Any

from flask import Flask, current_app

from app.db import db
from ordercast.journal import BATCH_ROWS, Entry, Head, Journal, Marks
from ordercast.journal.sequencing import Publish


def of(app: Flask) -> Journal:
    journal: Journal = app.extensions["ordercast"].journal
    return journal


def here() -> Journal:
    return of(current_app)


def append(room: str, name: str, payload: dict[str, Any]) -> None:
    """In the transaction that is open; of any name."""
    here().append(db.session, room, name, payload)


def sequence_once(publish: Publish, limit: int = BATCH_ROWS, marks: Marks | None = None) -> int:
    """One step of a worker's sequencer."""
    return here().sequencer(publish, marks).step(limit)


def announce_head(publish: Publish, marks: Marks | None = None) -> None:
    here().sequencer(publish, marks).announce()


def sequence(limit: int = BATCH_ROWS, marks: Marks | None = None) -> tuple[Head, list[Entry]]:
    """Positions, and nothing published."""
    return here().sequencer(lambda _message: None, marks).sequence(limit)


def head() -> Head:
    return here().head()


def since(position: int, *, limit: int, **chosen: Any) -> list[Entry]:
    return here().since(position, limit=limit, **chosen)


def page(position: int, **chosen: Any) -> list[Entry]:
    return here().page(position, **chosen)


def prune(before: datetime, **limit: int) -> int:
    return here().prune(before, **limit)


def restart(journal: str, known: int) -> Head:
    return here().restart(journal, known)


def waiting_after() -> int | None:
    return here().waiting_after()


def oldest_waiting() -> tuple[int, float] | None:
    return here().oldest_waiting()
