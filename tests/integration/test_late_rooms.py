"""Rooms that a client joins and leaves after its connect: it gets their events from then on, and is
recovered with them, also in another process."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from ordercast.errors import NotConnected
from ordercast.joined.tables import JOINED
from ordercast.worker.pruning import prune_once
from tests.harness.application.tabs import Tab
from tests.harness.application.team import (
    ALICE,
    BOB,
    StartTeam,
    TeamProcess,
    joined,
    rows,
)
from tests.harness.faults.races import right_after
from tests.harness.waiting import wait_until


@pytest.fixture
def process(start_team: StartTeam) -> TeamProcess:
    return start_team()


def test_a_room_joined_late_is_recovered_in_another_process(
    process: TeamProcess, start_team: StartTeam
) -> None:
    tab = joined(process, "chat")
    process.happen("chat", "other")
    tab.read()
    assert tab.offsets == [2]
    tab.cut()
    process.happen("chat", "other", "chat")
    other = start_team()
    assert tab.connect(other).recovered
    assert tab.offsets == [4, 6]
    other.happen("chat")
    tab.read()
    assert tab.offsets == [4, 6, 7]
    assert tab.cut().connect(start_team(ring=0)).recovered


def test_only_what_came_after_each_join_is_owed_however_old_the_offset(
    process: TeamProcess, start_team: StartTeam
) -> None:
    tab = Tab(ALICE).connect(process, own=["own"], rooms=["handler"])
    for room in ("a", "b", "c"):
        process.happen("a", "b", "c", "own", "handler")
        process.say(tab, "join", room)
    process.happen("c", "b", "a", "handler", "own")
    tab.cut()  # with everything unread: its offset is that of its connect
    assert tab.offset is None
    auth: dict[str, Any] = {"own": ["own"], "rooms": ["handler"]}
    expected = [4, 5, 6, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20]
    for other in (process, start_team(), start_team(ring=0)):
        tab.offset = None
        assert tab.connect(other, **auth).recovered
        assert tab.offsets == expected
        tab.cut()


def test_a_room_that_was_left_yields_nothing(process: TeamProcess, start_team: StartTeam) -> None:
    tab = joined(process, "a", "b")
    process.say(tab, "leave", "a")
    process.happen("a", "b")
    tab.read()
    assert tab.offsets == [4]
    tab.cut()
    process.happen("a", "b")
    assert tab.connect(start_team()).recovered
    assert tab.offsets == [6]


def test_a_room_that_was_left_and_joined_again_yields_nothing_of_the_time_between(
    process: TeamProcess, start_team: StartTeam
) -> None:
    tab = joined(process, "a")
    process.say(tab, "leave", "a")
    process.happen("a")
    process.say(tab, "join", "a")
    process.happen("a")
    tab.cut()
    assert tab.connect(start_team(ring=0), offset=None).recovered
    assert tab.offsets == [3]


@pytest.mark.parametrize("auth", [{"rooms": ["a"]}, {"own": ["a"]}], ids=["handler", "identity"])
def test_a_room_that_was_left_and_is_joined_again_by_the_connect_begins_there(
    process: TeamProcess, start_team: StartTeam, auth: dict[str, Any]
) -> None:
    tab = Tab(ALICE).connect(process, **auth)
    process.happen("a")
    process.say(tab, "leave", "a")
    process.happen("a")
    tab.read()
    assert tab.offsets == [1]
    tab.cut()
    process.happen("a")
    assert tab.connect(process, **auth).recovered
    assert tab.offsets == []
    process.happen("a")
    tab.cut()
    assert tab.connect(start_team(), **auth).recovered
    assert tab.offsets == [4]


# Races.


def test_an_event_between_the_commit_of_a_join_and_its_registration_counts_as_before(
    process: TeamProcess, start_team: StartTeam
) -> None:
    """The race: the row is written with the journal's position, and an event of the room is fanned
    out before the client is in the room. It must not be owed: the offset has passed it by."""
    tab = Tab(ALICE).connect(process, own=["own"])
    with right_after(process.database, "INSERT INTO ordercast_joined", at_sea(process)):
        process.say(tab, "join", "a")
    process.happen("own", "a")
    tab.read()
    assert tab.offsets == [2, 3]
    tab.cut()
    assert tab.connect(start_team(), own=["own"], offset="0").recovered
    assert tab.offsets == [2, 3]


def at_sea(process: TeamProcess) -> Any:
    """What happens in the race: on SQLite the journal waits until the join has committed, and so
    the event comes with the first read of the process after it."""

    def act() -> None:
        if process.database.dialect.name == "postgresql":
            process.happen("a")

    if process.database.dialect.name == "sqlite":
        join = process.follower.join

        def happen_first(*arguments: Any) -> Any:
            process.follower.join = join
            process.happen("a")
            return join(*arguments)

        process.follower.join = happen_first
    return act


def test_an_event_that_was_committed_before_the_join_and_arrives_after_it_passes_by(
    process: TeamProcess, start_team: StartTeam
) -> None:
    """The race: Redis is slow, and the process joins a client while it is behind the journal."""
    tab, stays = (Tab(ALICE).connect(process, own=["own"]) for _ in range(2))
    process.say(stays, "join", "a")
    process.append("a")
    process.append("own")
    before = process.sequence()
    process.say(tab, "join", "a")
    process.append("a")
    after = process.sequence()
    process.hear(*before, *after)
    for client, expected in ((tab, [2, 3]), (stays, [1, 2, 3])):
        client.read()
        assert client.offsets == expected
        client.cut()
        assert client.connect(start_team(), own=["own"], offset="0").recovered
        assert client.offsets == expected


def test_a_process_that_is_behind_restores_a_room_at_its_position(
    process: TeamProcess, start_team: StartTeam
) -> None:
    """The race: the process that the client comes to has not heard what came before the join."""
    behind = start_team()
    tab = Tab(ALICE).connect(process)
    process.append("a")
    before = process.sequence()
    process.hear(*before)
    process.say(tab, "join", "a")
    tab.cut()
    assert tab.connect(behind).recovered
    process.append("a")
    behind.hear(*before, *process.sequence())
    tab.read()
    assert tab.offsets == [2]


@pytest.mark.parametrize(("name", "room"), [("join", "c"), ("leave", "a")])
def test_an_older_connection_in_another_process_changes_nothing_any_more(
    process: TeamProcess, start_team: StartTeam, name: str, room: str
) -> None:
    """The race: the client is back elsewhere, and its half-open connection handles late what the
    client had sent, and leaves late."""
    other = start_team()
    half_open = joined(process, "a", "b")
    tab = Tab(ALICE, pid=half_open.pid, offset=half_open.offset).connect(other)
    assert tab.recovered
    with pytest.raises(NotConnected):
        process.say(half_open, name, room)
    assert half_open.engine is not None
    assert half_open.engine.closed
    half_open.cut()
    other.say(tab, "join", "d")
    tab.cut()
    process.happen("a", "b", "c", "d")
    assert tab.connect(start_team(ring=0)).recovered
    assert tab.offsets == [3, 4, 6]


def test_of_two_connections_that_come_back_at_once_with_one_pid_the_later_has_the_rooms(
    process: TeamProcess, start_team: StartTeam
) -> None:
    """The race: both have read the rows, and both take them over."""
    tab = joined(process, "a").cut()
    process.happen("a")
    second, other = Tab(ALICE, pid=tab.pid), start_team()
    with right_after(process.database, "FROM ordercast_joined", lambda: second.connect(other)):
        tab.connect(process)
    assert tab.recovered
    assert second.recovered
    assert tab.offsets == second.offsets == [2]
    process.say(tab, "join", "b")
    with pytest.raises(NotConnected):
        other.say(second, "join", "c")


def test_a_client_that_left_during_its_join_is_not_in_the_room_when_it_is_back(
    process: TeamProcess,
) -> None:
    """The race: the connection is cut while the row is written. The client may be back before that,
    and would find the room later without the events in between."""
    tab = Tab(ALICE).connect(process)
    with right_after(process.database, "INSERT INTO ordercast_joined", tab.cut):
        process.say(tab, "join", "a")
    process.happen("a")
    assert tab.connect(process).recovered
    assert tab.offsets == []


def test_a_client_that_missed_too_much_begins_anew_without_the_rooms_that_it_joined_late(
    start_team: StartTeam,
) -> None:
    process = start_team(RECOVERY_MAX_EVENTS=2)
    tab = joined(process, "a").cut()
    process.happen("a", "a", "a")
    assert not tab.connect(process).recovered
    process.happen("a")
    tab.read()
    assert tab.offsets == []
    process.say(tab, "join", "a")
    tab.cut()
    process.happen("a")
    assert tab.connect(process).recovered
    assert tab.offsets == [process.follower.last]


@pytest.mark.parametrize("is_back", [True, False])
def test_a_room_that_another_handler_enters_for_a_client_that_connects_is_not_forgotten(
    start_team: StartTeam, is_back: bool
) -> None:
    """The race: the rooms of the connect are counted, and what the client missed is being read."""
    process = start_team(ring=0)
    tab = Tab(ALICE)
    if is_back:
        tab.connect(process, own=["own"])
        process.happen("own")
        tab.cut()

    def enter() -> None:
        [sid] = [sid for sid, _ in process.live.manager.get_participants("/", "own")]
        process.server.enter_room(sid, "late")

    process.in_connect = lambda: process.happen("own")
    with right_after(process.database, "UNION ALL", enter):
        tab.connect(process, own=["own"])
    process.in_connect = lambda: None
    process.happen("late")
    tab.read()
    assert tab.offsets[-1] == process.follower.last
    tab.cut()
    process.happen("late")
    assert not tab.connect(process, own=["own"]).recovered


# What cannot be kept.


def test_a_join_that_cannot_be_committed_fails_and_the_client_is_not_in_the_room(
    process: TeamProcess,
) -> None:
    tab = Tab(ALICE).connect(process)
    JOINED.drop(process.database)
    with pytest.raises(Exception, match="ordercast_joined"):
        process.say(tab, "join", "a")
    process.happen("a")
    tab.read()
    assert tab.got == []


def test_pruned_rows_are_never_taken_for_none(process: TeamProcess) -> None:
    tab = joined(process, "a").cut()
    with process.database.begin() as connection:
        connection.execute(update(JOINED).values(issued_at=datetime.now(UTC) - timedelta(days=7)))
    prune_once(process.service.database, process.service.journal, 7)
    assert rows(process) == 1
    assert tab.connect(process).recovered
    with process.database.begin() as connection:
        connection.execute(update(JOINED).values(issued_at=datetime.now(UTC) - timedelta(days=9)))
    prune_once(process.service.database, process.service.journal, 7)
    assert rows(process) == 0


def test_a_closed_room_is_left_by_all_those_that_are_away_as_well(
    process: TeamProcess, start_team: StartTeam
) -> None:
    other = start_team()
    away, there = joined(process, "a"), joined(process, "a")
    handler = Tab(ALICE).connect(process, rooms=["a"])
    elsewhere = Tab(ALICE).connect(other, rooms=["a"])
    away.cut()
    process.server.close_room("a")
    other.live.manager.receive(b'{"method":"close_room","room":"a","host_id":"other"}')
    wait_until(lambda: other.live.manager.get_rooms(elsewhere.sid, "/") == [elsewhere.sid], "left")
    process.append("a")
    messages = process.sequence()
    process.hear(*messages)
    other.hear(*messages)
    for tab, rooms in ((away, ()), (there, ()), (handler, ("a",)), (elsewhere, ("a",))):
        tab.got = []
        if tab is not away:
            tab.read()
            assert tab.offsets == []
            tab.cut()
        assert tab.connect(process, rooms=rooms).recovered
        assert tab.offsets == []


def test_a_process_that_has_just_read_that_no_client_ever_joined_late_finds_the_first(
    process: TeamProcess, start_team: StartTeam
) -> None:
    """The race: the other process relies on its read, and the first join of all comes after it."""
    other = start_team()
    Tab(BOB).connect(other).cut().connect(other)
    tab = Tab(ALICE).connect(process)
    process.say(tab, "join", "a")
    tab.cut()
    process.happen("a")
    other.catch_up()
    assert tab.connect(other).recovered
    assert tab.offsets == [1]


@pytest.mark.parametrize("seed", range(3))
def test_whatever_it_joins_and_leaves_it_gets_each_event_of_its_time_in_the_room_once(
    start_team: StartTeam, seed: int
) -> None:
    draw, processes = Random(seed), [start_team(), start_team(ring=0)]
    rooms = ["a", "b", "c", "handler"]
    auth: dict[str, Any] = {"rooms": ["handler"]}
    tab = Tab(ALICE).connect(processes[0], **auth)
    here, inside, owed = processes[0], {"handler"}, list[int]()
    for position in range(1, 40):
        for _ in range(draw.randrange(3)):
            room = draw.choice(rooms)
            if room in inside:
                tab.read()  # what it has not read of a room that it leaves is not owed any more
            here.say(tab, "leave" if room in inside else "join", room)
            inside ^= {room}
        if draw.random() < 0.3:
            tab.read(draw.randrange(4))
            tab.cut()
            is_away = True
        else:
            is_away = False
        room = draw.choice(rooms)
        processes[0].append(room)
        messages = processes[0].sequence()
        for process in processes:
            process.hear(*messages)
        if room in inside:
            owed.append(position)
        if is_away:
            here = draw.choice(processes)
            tab.connect(here, read=False, **auth).read(draw.randrange(1, 5))
            inside.add("handler")
    tab.read()
    assert tab.recovered
    assert tab.since_snapshot == owed
