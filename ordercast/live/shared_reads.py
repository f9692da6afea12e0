"""Clients that come back at once share one read of the database."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

BATCH_KEYS = 500  # in one read
Found = TypeVar("Found")


class Ticket(Generic[Found]):
    __slots__ = ("error", "found", "is_read", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self.is_read = False
        self.found: Found | None = None
        self.error: SQLAlchemyError | None = None


class SharedReads(Generic[Found]):
    """`read` returns what is found of these keys. While one thread reads, later ones wait, and then
    one of them reads for all: each read begins after the call that it answers."""

    def __init__(self, read: Callable[[Sequence[str]], Mapping[str, Found]]) -> None:
        self._read = read
        self._reading = threading.Lock()
        self._waiting: deque[Ticket[Found]] = deque()

    def get(self, key: str) -> Found | None:
        """What is found of this key. Raises SQLAlchemyError."""
        ticket: Ticket[Found] = Ticket(key)
        self._waiting.append(ticket)
        with self._reading:
            while not ticket.is_read:
                self._read_some()
        if ticket.error is not None:
            raise ticket.error.with_traceback(None)
        return ticket.found

    def _read_some(self) -> None:
        tickets = list(islice(self._waiting, BATCH_KEYS))
        error, found = None, dict[str, Found]()
        try:
            found.update(self._read([ticket.key for ticket in tickets]))
        except SQLAlchemyError as exc:
            error = exc
        for ticket in tickets:
            self._waiting.popleft()
            ticket.found, ticket.error, ticket.is_read = found.get(ticket.key), error, True
