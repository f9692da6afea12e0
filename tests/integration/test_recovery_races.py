"""Recovery while things happen: CONNECT, then what was missed, then what came meanwhile."""

import pytest
from flask import Flask

from app.extension import cast
from tests.harness.application.tabs import ALICE, Start, Tab, WebProcess, append, published
from tests.harness.faults.races import beside, right_after


@pytest.fixture
def process(start: Start) -> WebProcess:
    """One that has to read the journal: there the connect waits, and the test acts."""
    return start(ring=1)


@pytest.fixture
def tab(process: WebProcess) -> Tab:
    """One that missed 1, 2 and 3."""
    tab = Tab(ALICE).connect(process).cut()
    append("user:1", 3)
    process.hear(*published())
    return tab


def test_what_is_fanned_out_while_it_reads_is_held_and_follows_the_replay(
    app: Flask, process: WebProcess, tab: Tab
) -> None:
    """The race: after the join and before CONNECT, events arrive for the client's room."""

    def fan_out() -> None:
        with app.app_context():
            append("user:1", 2)
            process.hear(*published())
        process.emit("typing", "bob", room="user:1")
        with app.app_context():
            append("user:1")
            process.hear(*published())

    with right_after(process.database, "FROM ordercast_events", fan_out):
        tab.connect(process, read=False)

    assert tab.engine is not None
    assert tab.engine.wire[0].startswith("40{")
    tab.read()
    assert tab.recovered
    assert tab.offsets == [1, 2, 3, 4, 5, 6]
    names = [(name, arguments[-1]) for name, arguments in tab.got]
    assert names[5] == ("typing", "5")


def test_what_is_fanned_out_before_it_joins_is_part_of_the_replay(
    app: Flask, start: Start, tab: Tab
) -> None:
    """The race: the connect is registered, its token is being verified, and events arrive."""
    process = start()

    def fan_out() -> None:
        with app.app_context():
            append("user:1", 2)
            process.hear(*published())

    with right_after(process.database, "FROM ordercast_revocations", fan_out):
        tab.connect(process)

    assert tab.recovered
    assert tab.offsets == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("read", [0, 1, 2, 3, 4, 5, 6])
def test_a_cut_after_any_packet_loses_and_doubles_nothing(
    process: WebProcess, tab: Tab, read: int
) -> None:
    tab.connect(process, read=False)
    append("user:1", 2)
    process.hear(*published())
    tab.read(read)
    tab.cut()
    append("user:1")
    process.hear(*published())

    tab.connect(process)

    assert tab.recovered
    assert tab.since_snapshot == [1, 2, 3, 4, 5, 6]


def test_a_revocation_that_arrives_while_it_reads_refuses_it(
    app: Flask, process: WebProcess, tab: Tab
) -> None:
    """The race: the revocation commits elsewhere, after the check and before CONNECT."""

    def revoke() -> None:
        with app.app_context():
            cast.revoke(session="session-1")
            process.hear(*published())

    with right_after(process.database, "FROM ordercast_events", revoke):
        tab.connect(process)

    assert tab.refusal == "token_revoked"
    assert process.sids == set()


def test_a_good_pid_does_not_help_a_revoked_token(process: WebProcess, tab: Tab) -> None:
    cast.revoke(session="session-1")
    process.hear(*published())
    tab.connect(process)
    assert tab.refusal == "token_revoked"


def test_one_that_was_overtaken_by_its_successor_goes_itself(
    app: Flask, process: WebProcess, tab: Tab
) -> None:
    """The race: the client gave the first connect up and comes again while the connect handler of
    that one still runs."""
    second = Tab(ALICE, pid=tab.pid)

    def overtake(sid: str, *_: object) -> None:
        if second.process is None:
            beside(lambda: second.connect(process))

    process.server.on("connect", overtake)
    tab.connect(process)

    assert tab.engine is not None
    assert tab.engine.closed
    assert tab.got == []
    assert process.sids == {second.sid}
    append("user:1")
    process.hear(*published())
    second.read()
    assert second.offsets == [1, 2, 3, 4]


def test_what_waits_for_a_try_that_failed_follows_the_new_start_once(
    app: Flask, start: Start, tab: Tab
) -> None:
    """The race: while it is found that it missed too many, more arrive."""
    process = start(ring=1, RECOVERY_MAX_EVENTS=2)

    def fan_out() -> None:
        with app.app_context():
            append("user:1", 2)
            process.hear(*published())

    with right_after(process.database, "FROM ordercast_events", fan_out):
        tab.connect(process)

    assert not tab.recovered
    assert tab.offsets == [4, 5]
    append("user:1")
    process.hear(*published())
    assert tab.cut().connect(process).offsets == [6]


@pytest.mark.parametrize(("count", "size"), [(10_001, 0), (12, 100_000)], ids=["many", "large"])
def test_too_much_to_hold_closes_the_connection_and_loses_nothing(
    app: Flask, process: WebProcess, tab: Tab, count: int, size: int
) -> None:
    """The race: more arrives during a connect than may wait for it, in number or in bytes."""

    def flood() -> None:
        for _ in range(count):
            process.emit("tick", {"text": "x" * size}, room="user:1")
        with app.app_context():
            append("user:1")
            process.hear(*published())

    with right_after(process.database, "FROM ordercast_events", flood):
        tab.connect(process)

    assert tab.engine is not None
    assert tab.engine.closed
    assert tab.offsets == []
    assert tab.connect(process).recovered
    assert tab.offsets == [1, 2, 3, 4]
