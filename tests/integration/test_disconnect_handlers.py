"""A team's disconnect handler of clients that the service disconnects."""

from threading import Event

import pytest

from app.extension import cast
from tests.harness.application.tabs import ALICE, BOB, Tab, WebProcess, append, published
from tests.harness.waiting import DEADLINE_SECONDS, wait_until


@pytest.mark.parametrize("by", ["the journal", "the table"])
def test_a_slow_disconnect_handler_delays_no_event_of_the_process(
    process: WebProcess, by: str
) -> None:
    """The race: a handler waits for its own database, and events for others arrive meanwhile."""
    begun, may_end, told = Event(), Event(), []

    def handler(sid: str, reason: str) -> None:
        begun.set()
        may_end.wait(DEADLINE_SECONDS)
        told.append((sid, reason))

    process.server.on("disconnect", handler, namespace="/")
    alice, bob = Tab(ALICE).connect(process), Tab(BOB).connect(process)
    cast.revoke(session="session-1")
    append("user:1")
    append("user:2")
    if by == "the table":
        process.live.dismissal.step()
    process.hear(*published())
    assert begun.wait(DEADLINE_SECONDS)
    bob.read()
    alice.read()
    assert (alice.offsets, len(bob.offsets)) == ([], 1)
    assert process.sids == {bob.sid}
    may_end.set()
    wait_until(lambda: process.live.manager.member(alice.sid, "/") is None, "she is forgotten")
    assert told == [(alice.sid, "server disconnect")]
