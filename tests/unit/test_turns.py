"""Turns of the loop: of a crowd only so many begin before others are served."""

from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent.lock import BoundedSemaphore

from ordercast.transport import Turns
from tests.harness.application.hub import pair, turn

READ = 1
CROWD = 20


@contextmanager
def somebody_else(did: list[object]) -> Iterator[None]:
    """Another client, whose message has arrived when the loop next asks."""
    ours, client = pair()
    watcher = gevent.get_hub().loop.io(ours.fileno(), READ)

    def on_readable() -> None:
        did.append("another")
        watcher.stop()

    watcher.start(on_readable)
    client.send(b"now")
    try:
        yield
    finally:
        watcher.close()
        ours.close()
        client.close()


@pytest.mark.parametrize("at_once", [1, 4])
def test_others_have_a_turn_between_those_of_a_crowd(at_once: int) -> None:
    turns = Turns(BoundedSemaphore(), gevent.sleep, at_once=at_once)
    did: list[object] = []

    def work(number: int) -> None:
        turns.wait()
        did.append(number)

    with somebody_else(did):
        gevent.joinall([gevent.spawn(work, number) for number in range(CROWD)])
        turn()
    assert did.index("another") <= at_once
    did.remove("another")
    assert did == [*range(CROWD)]


def test_one_that_always_has_more_to_do_overtakes_nobody() -> None:
    turns = Turns(BoundedSemaphore(), gevent.sleep)
    did: list[str] = []

    def work(name: str) -> None:
        for _ in range(3):
            turns.wait()
            did.append(name)
            gevent.sleep(0)

    gevent.joinall([gevent.spawn(work, name) for name in "abc"])
    assert did == [*"abcabcabc"]
