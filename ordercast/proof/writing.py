"""Durable events for the clients of a proof, committed steadily, by each way there is."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import orjson
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from ordercast.errors import OrdercastError
from ordercast.events import PROOF
from ordercast.inbox.sender import Inbox
from ordercast.journal import Entry
from ordercast.proof.transcript import Place
from ordercast.service import Service

PAGE_ROWS = 2000  # of the journal in one read


class Way(StrEnum):
    TRANSACTION = "in a transaction"
    EMIT = "by emit, with an id"
    INBOX = "through the inbox, twice with an id"


class Writer(threading.Thread):
    """Writes `per_second` events, each into one of `rooms` or into two, until it is stopped."""

    def __init__(
        self, app: Flask, service: Service, rooms: Sequence[str], *, run: str, per_second: float
    ) -> None:
        super().__init__(name="writer", daemon=True)
        self.accepted: set[int] = set()  # numbers of events that the service has said it has
        self.refused = 0  # events that may be in the journal or not: an error was the answer
        self.ways: Counter[Way] = Counter()  # of those that were accepted
        self._app = app
        self._service = service
        self._rooms = rooms
        self._run_id = run
        self._seconds = 1 / per_second
        settings = service.settings
        self._inbox = Inbox(settings.REDIS_URL, prefix=settings.REDIS_PREFIX, events=service.events)
        self._number = 0
        self._stop_asked = threading.Event()

    def run(self) -> None:
        with self._app.app_context():
            while not self._stop_asked.wait(self._seconds):
                self.write(self._receivers())

    def stop(self) -> None:
        self._stop_asked.set()
        if self.is_alive():
            self.join()

    def write(self, rooms: Sequence[str]) -> None:
        """Commit the next event, to these rooms."""
        self._number += 1
        number, ways = self._number, list(Way)
        # An entry of the inbox that is no process's of the service has one room.
        way = ways[number % len(ways)] if len(rooms) == 1 else Way.TRANSACTION
        try:
            self._write(way, number, rooms)
        except (OrdercastError, SQLAlchemyError):
            self.refused += 1
            return
        self.accepted.add(number)
        self.ways[way] += 1

    def _receivers(self) -> list[str]:
        at = self._number % len(self._rooms)
        further = self._rooms[at - 1 : at] if self._number % 5 == 0 else []
        return [self._rooms[at], *further]

    def _write(self, way: Way, number: int, rooms: Sequence[str]) -> None:
        # Clients are in this process, and read the same clock.
        payload = {"run": self._run_id, "number": number, "at": time.monotonic()}
        id = f"{PROOF}:{self._run_id}:{number}"
        if way is Way.TRANSACTION:
            with self._service.database.writing() as connection:
                self._service.append(connection, PROOF, payload, to=list(rooms))
        elif way is Way.EMIT:
            self._service.emit(PROOF, payload, to=list(rooms), id=id)
        else:
            send = self._inbox.once(id)
            send(rooms[0], PROOF, payload)
            send(rooms[0], PROOF, payload)  # as after an answer that was lost


class Committed:
    """What the journal has of a proof, from a position on. Raises SQLAlchemyError."""

    def __init__(self, service: Service, run: str) -> None:
        self._journal = service.journal
        self._run_id = run
        self._start = self._journal.head().position

    def of(self, room: str) -> list[Place]:
        """The events of this room, by rising positions."""
        until = self._journal.head().position
        after, found = self._start, list[Place]()
        while page := self._journal.since(after, limit=PAGE_ROWS, rooms=[room], until=until):
            found += filter(None, map(self._place, page))
            after = page[-1].position
        return found

    def _place(self, entry: Entry) -> Place | None:
        if entry.name != PROOF:
            return None
        payload = orjson.loads(entry.data)
        is_ours = payload["run"] == self._run_id
        return Place(entry.position, payload["number"]) if is_ours else None
