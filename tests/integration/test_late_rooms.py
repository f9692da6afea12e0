"""Rooms that a client joins and leaves after its connect: it gets their events from then on, and is
recovered with them, also in another process."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from ordercast import Identity
from ordercast.errors import NotConnected
from ordercast.joined.tables import JOINED
from ordercast.live import joining
from ordercast.worker.pruning import prune_once
from tests.harness.application.tabs import Tab, statements
from tests.harness.application.team import StartTeam, TeamProcess, sid_here
from tests.harness.faults.races import right_after
from tests.harness.waiting import wait_until

ALICE, BOB = Identity("alice"), Identity("bob")


@pytest.fixture
def process(start_team: StartTeam) -> TeamProcess:
    return start_team()


def rows(process: TeamProcess) -> int:
    with process.database.connect() as connection:
        query = select(func.count()).where(JOINED.c.client != "")
        return connection.scalar(query) or 0


def joined(process: TeamProcess, *rooms: str, **auth: Any) -> Tab:
    """A client that has joined these rooms late, in this order, with an event of each before it."""
    tab = Tab(ALICE).connect(process, **auth)
    for room in rooms:
        process.happen(room)
        process.say(tab, "join", room)
    tab.read()
    return tab


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


def test_rooms_of_the_connect_handler_are_recovered_and_need_no_row(
    process: TeamProcess, start_team: StartTeam
) -> None:
    tab = Tab(ALICE).connect(process, rooms=["a", "b"]).cut()
    process.happen("a", "b", "c")
    assert tab.connect(start_team(ring=0), rooms=["b", "a"]).recovered
    assert tab.offsets == [1, 2]
    assert rows(process) == 0


@pytest.mark.parametrize("rooms", [["a"], ["a", "b", "c"], []])
def test_a_connect_handler_that_joins_other_rooms_is_a_new_start(
    process: TeamProcess, rooms: list[str]
) -> None:
    tab = Tab(ALICE).connect(process, rooms=["a", "b"]).cut()
    process.happen("a", "b", "c")
    assert not tab.connect(process, rooms=rooms).recovered
    assert tab.offsets == []
    process.happen(*rooms)
    tab.read()
    assert len(tab.offsets) == len(rooms)


def test_a_connect_handler_may_join_by_itself_what_was_joined_late(process: TeamProcess) -> None:
    tab = joined(process, "chat").cut()
    process.happen("chat")
    assert tab.connect(process, rooms=["chat"]).recovered
    assert tab.offsets == [2]


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


def test_another_user_with_that_pid_gets_nothing(process: TeamProcess) -> None:
    tab = joined(process, "chat").cut()
    process.happen("chat")
    bob = Tab(BOB, pid=tab.pid).connect(process)
    assert not bob.recovered
    process.happen("chat")
    bob.read()
    assert bob.got == []
    assert tab.connect(process).recovered
    assert tab.offsets == [2, 3]


# Without an identity.


@pytest.mark.parametrize("is_allowed", [True, False])
def test_without_an_identity_the_team_is_asked_again(
    start_team: StartTeam, is_allowed: bool
) -> None:
    process, asked = start_team(identified=False), list[Any]()
    tab = joined(process, "a", "b", rooms=["handler"]).cut()
    process.happen("a", "b", "handler")

    @process.cast.may_join
    def may_join(room: str, auth: Any, environ: dict[str, Any]) -> bool:
        asked.append((room, auth["rooms"], environ["REQUEST_METHOD"]))
        return is_allowed or room == "a"

    tab.connect(process, rooms=["handler"])
    assert asked == [("a", ["handler"], "GET"), ("b", ["handler"], "GET")]
    assert tab.recovered is is_allowed
    process.happen("a", "b", "handler")
    tab.read()
    assert tab.offsets == ([3, 4, 5, 6, 7, 8] if is_allowed else [8])


def test_without_an_identity_and_with_nobody_to_ask_a_late_room_is_a_new_start(
    start_team: StartTeam,
) -> None:
    process = start_team(identified=False)
    tab = joined(process, "a").cut()
    process.happen("a")
    assert not tab.connect(process).recovered
    process.happen("a")
    tab.read()
    assert tab.got == []
    handler = Tab(ALICE).connect(process, rooms=["a"]).cut()
    process.happen("a")
    assert handler.connect(process, rooms=["a"]).recovered
    assert handler.offsets == [4]


@pytest.mark.parametrize("identified", [True, False])
def test_a_may_join_that_fails_refuses_and_is_logged(
    start_team: StartTeam, caplog: pytest.LogCaptureFixture, identified: bool
) -> None:
    process = start_team(identified=identified)
    tab = joined(process, "a").cut()
    process.cast.may_join(lambda room, auth, environ: auth["no such key"])
    assert not tab.connect(process).recovered
    assert "may_join failed" in caplog.text


def test_may_join_is_asked_for_clients_with_an_identity_as_well(process: TeamProcess) -> None:
    tab = joined(process, "a").cut()
    process.cast.may_join(lambda room, auth, environ: False)
    assert not tab.connect(process).recovered


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


def test_a_client_that_left_during_its_join_finds_the_room_when_it_is_back(
    process: TeamProcess,
) -> None:
    """The race: the connection is cut while the row is written."""
    tab = Tab(ALICE).connect(process)
    with right_after(process.database, "INSERT INTO ordercast_joined", tab.cut):
        process.say(tab, "join", "a")
    process.happen("a")
    assert tab.connect(process).recovered
    assert tab.offsets == [1]


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


def test_more_rooms_than_are_kept_are_joined_and_then_not_recovered(
    process: TeamProcess,
) -> None:
    tab = joined(process, *(f"room-{number}" for number in range(joining.MAX_ROOMS)))
    process.say(tab, "leave", "room-0")
    process.say(tab, "join", "one more")  # in the place of a room that was left
    assert rows(process) == joining.MAX_ROOMS
    process.say(tab, "join", "too many")
    process.say(tab, "leave", "one more")
    process.happen("too many", "one more")
    tab.read()
    assert len(tab.offsets) == 1
    tab.cut()
    assert not tab.connect(process).recovered
    assert rows(process) == joining.MAX_ROOMS + 1


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


def test_a_pid_is_good_for_as_long_as_its_rows_are_kept(start_team: StartTeam) -> None:
    process = start_team()
    tab = joined(process, "a").cut()
    short = start_team(JOURNAL_KEEP_DAYS=1e-9)
    again = Tab(ALICE, pid=tab.pid)
    assert not tab.connect(short).recovered
    assert again.connect(start_team(JOURNAL_KEEP_DAYS=0)).recovered


# What costs nothing.


def test_rooms_without_events_of_the_journal_cost_no_row(process: TeamProcess) -> None:
    tab = Tab(ALICE).connect(process, own=["own"], rooms=["a"])
    with statements(process.database) as asked:
        for room in ("own", "a", tab.sid, 7, "", "x" * 256, "control"):
            process.server.enter_room(tab.sid, room)
        process.say(tab, "leave", "never joined")
        process.server.leave_room(tab.sid, 7)
    assert asked == []


def test_other_namespaces_and_clients_without_pid_cost_no_row(
    start_team: StartTeam,
) -> None:
    process = start_team()
    process.socketio.on_event("connect", lambda: None, namespace="/shop")
    tab = Tab(ALICE).connect(process)
    member = process.live.manager.member(tab.sid, "/")
    process.server._handle_eio_message(member.eio_sid, "0/shop,")
    sid = process.live.manager.sid_from_eio_sid(member.eio_sid, "/shop")
    with statements(process.database) as asked:
        process.server.enter_room(sid, "a", "/shop")
        process.server.leave_room(sid, "a", "/shop")
        process.server.close_room("a", "/shop")
    assert asked == []
    assert rows(process) == 0


# From elsewhere.


def test_a_background_task_and_another_process_may_join_and_leave_for_a_client(
    process: TeamProcess, start_team: StartTeam
) -> None:
    tab = Tab(ALICE).connect(process)
    process.server.enter_room(tab.sid, "a")
    assert rows(process) == 1
    manager = process.live.manager
    for method, room in (("enter_room", "b"), ("leave_room", "a")):
        manager.receive(
            b'{"method":"%s","sid":"%s","room":"%s","host_id":"other"}'
            % (method.encode(), str(tab.sid).encode(), room.encode())
        )
        is_in = method == "enter_room"
        wait_until(
            lambda: (room in manager.get_rooms(tab.sid, "/")) is is_in,  # noqa: B023
            f"{method} {room}",
        )
    process.happen("a", "b")
    tab.cut()
    assert tab.connect(start_team()).recovered
    assert tab.offsets == [2]


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


# The connect handler.


def test_an_event_that_the_connect_handler_appends_reaches_the_room_it_has_joined(
    process: TeamProcess,
) -> None:
    process.in_connect = lambda: process.happen("a", "b", "own")
    tab = Tab(ALICE).connect(process, own=["own"], rooms=["a"])
    assert tab.offsets == [1, 3]
    process.in_connect = lambda: process.happen("own")
    tab.cut()
    assert tab.connect(process, own=["own"], rooms=["a"]).recovered
    assert tab.offsets == [4]


def test_what_came_before_the_connect_handler_joined_is_not_sent(process: TeamProcess) -> None:
    def join_later() -> None:
        process.happen("late")
        process.server.enter_room(sid_here(), "late")
        process.happen("late")

    process.in_connect = join_later
    tab = Tab(ALICE).connect(process)
    assert tab.offsets == [2]


def test_an_emit_of_the_connect_handler_never_takes_the_offset_back(
    process: TeamProcess,
) -> None:
    """A last argument that is a string is the client's next offset: the emit waits behind what the
    client missed, and gets its offset then."""

    def greet() -> None:
        process.server.emit("hello", "you", to=sid_here())
        process.server.emit("ready", to=sid_here())
        process.happen("a")

    tab = Tab(ALICE).connect(process, rooms=["a"]).cut()
    process.happen("a", "a")
    process.in_connect = greet
    assert tab.connect(process, rooms=["a"]).recovered
    assert [(name, arguments[-1]) for name, arguments in tab.got] == [
        ("test", "1"),
        ("test", "2"),
        ("test", "3"),
        ("hello", "3"),
        ("ready", "3"),
    ]
    assert tab.offset == "3"


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
