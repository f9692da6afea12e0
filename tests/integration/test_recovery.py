"""Recovery on a real journal: who gets what it missed, where it is found, and who starts anew."""

import pytest
from sqlalchemy import delete, update

from app.accounts.models import Role
from app.config import Settings
from app.db import transaction
from ordercast.journal.tables import EVENTS, HEAD
from ordercast.live.pid import Claim, Pids
from tests.harness.application.tabs import (
    ALICE,
    BOB,
    CHARLIE,
    Start,
    Tab,
    WebProcess,
    append,
    published,
    somebody,
    statements,
)


def test_what_it_missed_comes_from_memory_without_the_database(process: WebProcess) -> None:
    tab = Tab(ALICE).connect(process)
    append("user:1")
    process.hear(*published())
    tab.read()
    tab.cut()
    append("user:1", 3)
    append("user:3", 2)
    process.hear(*published())

    with statements(process.database) as asked:
        tab.connect(process)

    # But whether any client ever joined a room late, once for all that come back meanwhile.
    # The revocations are read again after a second, which may pass here on a busy machine.
    reads = [one for one in asked if "SELECT" in one and "ordercast_revocations" not in one]
    assert ["FROM ordercast_joined" in one for one in reads] in ([True], [])
    assert tab.recovered
    assert tab.offsets == [2, 3, 4]


def test_what_memory_no_longer_holds_comes_from_the_journal(start: Start) -> None:
    process = start(ring=2)
    tab = Tab(BOB).connect(process).cut()
    append("user:2", 2)
    append("seller:2", 3)
    append("user:3", 4)
    process.hear(*published())

    tab.connect(process)

    assert tab.recovered
    assert tab.offsets == [1, 2, 3, 4, 5]


def test_it_is_recovered_in_another_process_and_after_a_restart(start: Start) -> None:
    tab = Tab(ALICE).connect(start())
    append("user:1", 2)
    published()  # a process that starts now reads them
    assert tab.connect(start()).recovered
    assert tab.offsets == [1, 2]
    append("user:1")
    published()
    assert tab.connect(start(ring=0)).recovered
    assert tab.since_snapshot == [1, 2, 3]


def test_one_that_received_no_event_yet_is_owed_everything_since_its_connect(
    process: WebProcess,
) -> None:
    append("user:1", 2)
    process.hear(*published())
    tab = Tab(ALICE).connect(process).cut()
    append("user:1")
    process.hear(*published())
    assert tab.connect(process).recovered
    assert tab.offsets == [3]


def test_recovering_twice_with_the_same_pid_gives_each_time_what_is_missing(
    process: WebProcess,
) -> None:
    tab = Tab(ALICE).connect(process).cut()
    for _ in range(3):
        append("user:1")
        process.hear(*published())
        assert tab.connect(process).recovered
        tab.cut()
    assert tab.since_snapshot == [1, 2, 3]


def test_another_users_pid_gives_nothing_and_harms_nobody(process: WebProcess) -> None:
    alice = Tab(ALICE).connect(process)
    append("user:1")
    append("user:3")
    process.hear(*published())

    charlie = Tab(CHARLIE, pid=alice.pid, offset="0").connect(process)

    assert not charlie.recovered
    assert charlie.got == []
    assert charlie.pid != alice.pid
    alice.read()
    assert alice.engine is not None
    assert not alice.engine.closed
    assert alice.offsets == [1]
    assert alice.cut().connect(process).recovered


def test_two_tabs_of_one_user_do_not_close_each_other(process: WebProcess) -> None:
    tabs = [Tab(ALICE).connect(process), Tab(ALICE).connect(process)]
    assert tabs[0].pid != tabs[1].pid
    tabs[0].cut().connect(process)
    append("user:1")
    process.hear(*published())
    for tab in tabs:
        tab.read()
        assert tab.offsets == [1]
    assert len(process.sids) == 2


def test_the_half_open_predecessor_is_closed_and_leaves_alone(process: WebProcess) -> None:
    """#4880: its late end must not remove the registration of its successor."""
    tab = Tab(ALICE).connect(process)
    half_open = tab.engine
    assert half_open is not None

    tab.connect(process)

    assert tab.recovered
    assert half_open.closed
    assert process.sids == {tab.sid}
    half_open._ended("transport close")  # Engine.IO notices once more, late
    append("user:1")
    process.hear(*published())
    tab.read()
    assert tab.offsets == [1]
    assert not any("test" in packet for packet in half_open.wire)
    third = tab.connect(process)
    assert third.recovered
    assert len(process.sids) == 1


@pytest.mark.parametrize(
    ("before", "after"), [(Role.CUSTOMER, Role.SELLER), (Role.SELLER, Role.CUSTOMER)]
)
def test_a_role_with_other_rooms_is_a_new_start(
    process: WebProcess, before: Role, after: Role
) -> None:
    """What its new rooms hold it never read as a snapshot; what its old ones got is not its own."""
    tab = Tab(somebody("2", before)).connect(process).cut()
    append("user:2")
    append("seller:2")
    process.hear(*published())

    tab.identity = somebody("2", after)
    tab.connect(process)

    assert not tab.recovered
    assert tab.got == []
    append("user:2")
    append("seller:2")
    process.hear(*published())
    tab.read()
    assert tab.offsets == ([3, 4] if after is Role.SELLER else [3])
    assert tab.cut().connect(process).recovered


def test_another_role_with_the_same_rooms_loses_nothing(process: WebProcess) -> None:
    tab = Tab(somebody("2", Role.CUSTOMER)).connect(process).cut()
    append("user:2")
    process.hear(*published())
    tab.identity = somebody("2", Role.ADMIN)
    tab.connect(process)
    assert (tab.recovered, tab.offsets) == (True, [1])


@pytest.mark.parametrize(("signed", "recovered"), [("customer", True), ("seller", False)])
def test_a_pid_of_a_release_that_signed_the_role_is_good_for_that_role(
    process: WebProcess, settings: Settings, signed: str, recovered: bool
) -> None:
    journal_name, position = process.follower.reached()
    append("user:2")
    process.hear(*published())
    tab = Tab(somebody("2", Role.CUSTOMER))
    tab.pid = Pids(settings.JWT_SECRET_KEY).sign(Claim("2", signed, position, journal_name))
    tab.connect(process)
    assert (tab.recovered, tab.offsets) == (recovered, [1] if recovered else [])


def rename_journal(name: str, position: int) -> None:
    """The database is another one now, say a backup; positions start where that one was."""
    with transaction() as session:
        begun = {"journal": name, "position": position, "lowest": position + 1}
        session.execute(update(HEAD).values(begun))
        session.execute(delete(EVENTS))


def test_another_journal_is_a_new_start(start: Start) -> None:
    tab = Tab(ALICE).connect(start())
    append("user:1", 5)
    published()
    tab.connect(start())
    assert tab.offset == "5"
    rename_journal("restored", 2)

    tab.connect(start())

    assert not tab.recovered
    assert tab.got == []


def test_an_offset_kept_from_another_journal_never_counts_in_this_one(start: Start) -> None:
    """The client keeps it through the connect that was not recovered; by the time it comes again
    that position may exist here too."""
    tab = Tab(ALICE).connect(start())
    append("user:1", 5)
    published()
    tab.connect(start()).cut()
    rename_journal("restored", 2)
    assert not tab.connect(start()).cut().recovered
    append("user:1", 6)
    published()

    tab.connect(start())

    assert not tab.recovered  # 3, 4 and 5 are missing
    assert tab.got == []
    tab.cut()
    append("user:1")
    published()
    assert tab.connect(start()).recovered
    assert tab.offsets == [9]


def test_a_position_of_the_journal_before_is_nobodys_offset_in_this_one(
    process: WebProcess,
) -> None:
    """The client takes the last argument of a stock emit for its offset. It would be ahead of this
    journal, and be taken for what the client has as soon as the journal gets there."""
    append("user:1", 5)
    process.hear(*published())
    rename_journal("restored", 2)
    process.catch_up()
    tab = Tab(ALICE).connect(process)

    process.emit("hello", "text", room="user:1")

    tab.read()
    assert tab.offset == "2"
    tab.cut()
    append("user:1", 6)
    process.hear(*published())
    assert tab.connect(process).recovered
    assert tab.offsets == [3, 4, 5, 6, 7, 8]


def test_a_replaced_database_closes_every_connection(process: WebProcess) -> None:
    """Its positions start below what these clients have: they would be taken for old ones."""
    append("user:1", 5)
    process.hear(*published())
    tab = Tab(ALICE).connect(process)
    rename_journal("restored", 2)

    process.catch_up()

    assert tab.engine is not None
    assert tab.engine.closed
    assert process.sids == set()
    assert not tab.connect(process).recovered
    append("user:1")
    process.hear(*published())
    tab.read()
    assert tab.offsets == [3]


def test_a_client_that_is_not_recovered_takes_the_place_of_its_older_connection(
    start: Start,
) -> None:
    """Its older connection does not count for MAX_CONNECTIONS_PER_USER, and must not stay."""
    process = start(MAX_CONNECTIONS_PER_USER=1)
    older = Tab(ALICE).connect(process)
    younger = Tab(ALICE, pid=older.pid, offset="not an offset").connect(process)
    assert not younger.recovered
    assert older.engine is not None
    assert older.engine.closed
    assert process.sids == {younger.sid}
    assert Tab(ALICE).connect(process).refusal == "too_many_connections"
