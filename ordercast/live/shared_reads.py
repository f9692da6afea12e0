"""Clients that come back at once share one read of the database."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

BATCH_QUESTIONS = 100  # in one read
GATHER_SECONDS = 0.02  # at least, between the beginnings of two reads
# A crowd, whose connects take the process longer than this anyway, is gathered for longer.
CROWD_QUESTIONS, CROWD_SECONDS = 20, 0.1
Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Ticket(Generic[Question, Answer]):
    __slots__ = ("answer", "error", "is_read", "question")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.is_read = False
        self.answer: Answer | None = None
        self.error: SQLAlchemyError | None = None


class SharedReads(Generic[Question, Answer]):
    """`read` returns the answer to each of these questions. The first is read at once. While one
    thread reads, and for GATHER_SECONDS from when it began, later ones wait, and then one of them
    reads for all: each read begins after the call that it answers."""

    def __init__(self, read: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._read = read
        self._reading = threading.Lock()
        self._waiting: deque[Ticket[Question, Answer]] = deque()
        self._next = 0.0  # when the next read may begin, monotonic seconds

    def get(self, question: Question) -> Answer:
        """Raises SQLAlchemyError."""
        ticket: Ticket[Question, Answer] = Ticket(question)
        self._waiting.append(ticket)
        with self._reading:
            while not ticket.is_read:
                time.sleep(max(0.0, self._next - time.monotonic()))
                self._read_some()
        if ticket.error is not None:
            raise ticket.error.with_traceback(None)
        assert ticket.answer is not None
        return ticket.answer

    def _read_some(self) -> None:
        tickets = list(islice(self._waiting, BATCH_QUESTIONS))
        is_crowd = len(tickets) >= CROWD_QUESTIONS
        self._next = time.monotonic() + (CROWD_SECONDS if is_crowd else GATHER_SECONDS)
        error: SQLAlchemyError | None = None
        answers: Sequence[Answer] = ()
        try:
            answers = self._read([ticket.question for ticket in tickets])
        except SQLAlchemyError as exc:
            error = exc
        for number, ticket in enumerate(tickets):
            self._waiting.popleft()
            ticket.error, ticket.is_read = error, True
            if error is None:
                ticket.answer = answers[number]
