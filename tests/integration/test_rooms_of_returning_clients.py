"""Which rooms a client is recovered with: those of its connect handler, and those that it joined
late, if it may still be in them."""

from typing import Any

import pytest

from ordercast.live import joining
from tests.harness.application.tabs import Tab, statements
from tests.harness.application.team import (
    ALICE,
    BOB,
    StartTeam,
    TeamProcess,
    joined,
    rows,
    sid_here,
)
from tests.harness.waiting import wait_until

# The statements are the same on each database: test_late_rooms.py has them.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def process(start_team: StartTeam) -> TeamProcess:
    return start_team()


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


def test_more_rooms_than_are_kept_are_joined_and_then_not_recovered(
    process: TeamProcess,
) -> None:
    tab = Tab(ALICE).connect(process)
    for number in range(joining.MAX_ROOMS):
        process.say(tab, "join", f"room-{number}")
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
