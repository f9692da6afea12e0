"""Clients that come back at once share one read of the database."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from ordercast.live.shared_reads import BATCH_QUESTIONS, SharedReads
from tests.harness.waiting import wait_until

PATIENCE_SECONDS = 30


class Database:
    """Answers with ten times the question; while it is not open, a read waits."""

    def __init__(self) -> None:
        self.reads: list[Sequence[int]] = []
        self.open = threading.Event()
        self.fails = False

    def read(self, questions: Sequence[int]) -> list[int]:
        self.reads.append(questions)
        assert self.open.wait(PATIENCE_SECONDS)
        if self.fails:
            raise OperationalError("SELECT", {}, Exception("gone"))
        return [10 * question for question in questions]


def test_those_who_ask_while_one_reads_share_the_next_read() -> None:
    database = Database()
    shared = SharedReads(database.read)
    with ThreadPoolExecutor(BATCH_QUESTIONS + 1) as pool:
        first = pool.submit(shared.get, 0)
        wait_until(lambda: database.reads, "the first reads")
        others = [pool.submit(shared.get, number) for number in range(1, BATCH_QUESTIONS)]
        wait_until(lambda: len(shared._waiting) == BATCH_QUESTIONS, "the others wait")
        database.open.set()
        assert first.result(PATIENCE_SECONDS) == 0
        answers = [other.result(PATIENCE_SECONDS) for other in others]
    assert answers == [10 * number for number in range(1, BATCH_QUESTIONS)]
    assert [len(questions) for questions in database.reads] == [1, BATCH_QUESTIONS - 1]


def test_no_read_has_more_than_a_batch() -> None:
    database = Database()
    shared = SharedReads(database.read)
    with ThreadPoolExecutor(BATCH_QUESTIONS + 12) as pool:
        asked = [pool.submit(shared.get, number) for number in range(BATCH_QUESTIONS + 11)]
        wait_until(lambda: len(shared._waiting) == BATCH_QUESTIONS + 11, "all wait")
        database.open.set()
        assert [one.result(PATIENCE_SECONDS) for one in asked] == [
            10 * number for number in range(BATCH_QUESTIONS + 11)
        ]
    assert max(map(len, database.reads)) <= BATCH_QUESTIONS
    assert sum(map(len, database.reads)) == BATCH_QUESTIONS + 11


def test_a_failure_is_told_to_all_who_shared_the_read_and_to_no_later_one() -> None:
    database = Database()
    database.fails = True
    shared = SharedReads(database.read)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(shared.get, number) for number in range(4)]
        wait_until(lambda: len(shared._waiting) == 4, "all wait")
        database.open.set()
        for one in asked:
            with pytest.raises(OperationalError):
                one.result(PATIENCE_SECONDS)
    database.fails = False
    assert shared.get(7) == 70
