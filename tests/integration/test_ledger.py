"""What processes write about their connections, and what is read of it: a real Redis, and web
processes of a team's application. Each test has a prefix of its own in Redis."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from secrets import token_hex
from typing import Any

import pytest
import redis

from ordercast import Identity, LedgerUnavailable
from ordercast.ledger import ProcessRecord
from ordercast.ledger import writing as ledger_writing
from ordercast.live import bookkeeper
from tests.harness.application.tabs import Tab
from tests.harness.application.team import ALICE, BOB, StartTeam, TeamProcess
from tests.harness.servers.redis import RedisServer

Start = Callable[..., TeamProcess]


@pytest.fixture
def start(start_team: StartTeam) -> Start:
    """A builder of processes that share a ledger of their own."""
    prefix = f"ledger-{token_hex(4)}"
    return lambda **options: start_team(REDIS_PREFIX=prefix, **options)


@pytest.fixture
def process(start: Start) -> TeamProcess:
    return start()


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as made:
        yield made


def test_a_connection_is_listed_with_its_user_its_rooms_and_what_it_had(
    process: TeamProcess,
) -> None:
    process.happen("food", "drink")
    tab = Tab(ALICE).connect(process, own=["user:alice"], rooms=["food"])
    process.note()

    [one] = process.cast.connections().connections

    assert (one.sid, one.user_id, one.transport) == (tab.sid, "alice", "websocket")
    assert {room: span.after for room, span in one.rooms.items()} == {"user:alice": 2, "food": 2}
    assert (one.offset, one.is_recovered, one.ended) == (2, False, None)
    [mine] = process.cast.processes()
    assert (mine.name, mine.position, mine.connections) == (one.process, 2, 1)
    assert mine.started_at - one.since < timedelta(seconds=60)


def test_connections_are_found_by_user_page_by_page(process: TeamProcess) -> None:
    for number in range(5):
        Tab(Identity(f"user-{number}")).connect(process)
    for _ in range(3):
        Tab(ALICE).connect(process)
    process.note()
    cast = process.cast

    first = cast.connections(user="alice", limit=2)
    rest = cast.connections(user="alice", limit=2, after=first.following)

    assert [one.user_id for one in (*first.connections, *rest.connections)] == ["alice"] * 3
    assert len({one.sid for one in (*first.connections, *rest.connections)}) == 3
    assert (first.total, rest.total, rest.following) == (3, 3, None)
    assert cast.connections(limit=1).total == 8
    assert cast.connections(user="alic").total == 0
    assert cast.connections(address="10.0.0.1").total == 0


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_a_size(process: TeamProcess, limit: int) -> None:
    with pytest.raises(ValueError, match="a page has 1 to 1000 connections"):
        process.cast.connections(limit=limit)


@pytest.mark.parametrize("cursor", ["", "x", "12", "x.sid", "99999999999999999999.sid"])
def test_a_cursor_that_is_none_is_refused(process: TeamProcess, cursor: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        process.cast.connections(after=cursor)


def test_what_has_not_changed_is_not_written_again(
    process: TeamProcess, client: redis.Redis
) -> None:
    def calls() -> int:
        return int(client.info("commandstats")["cmdstat_hset"]["calls"])

    Tab(ALICE).connect(process)
    process.note()
    before = calls()
    process.note()
    process.note()
    assert calls() - before == 2  # the process alone


def test_a_room_joined_and_left_later_counts_in_between(process: TeamProcess) -> None:
    tab = Tab(ALICE).connect(process)
    process.happen("food")  # 1
    process.say(tab, "join", "food")
    process.happen("food")  # 2
    process.say(tab, "leave", "food")
    process.happen("food")  # 3
    process.note()

    [one] = process.cast.connections().connections

    assert one.rooms["food"] == (1, 2)
    got = {offset: process.cast.trace(offset=offset).events[0].receipts for offset in (1, 2, 3)}
    assert [bool(got[offset]) for offset in (1, 2, 3)] == [False, True, False]


def test_of_a_client_in_very_many_rooms_some_are_kept_and_the_others_counted(
    process: TeamProcess,
) -> None:
    Tab(ALICE).connect(process, rooms=[f"room-{number}" for number in range(205)])
    process.happen("room-0")
    process.note()

    [one] = process.cast.connections().connections

    assert (len(one.rooms), one.more_rooms) == (200, 5)
    assert "1 of the clients are in more rooms" in process.cast.trace(offset=1).gaps[0]


def test_a_connection_that_ended_is_not_listed_and_still_known(process: TeamProcess) -> None:
    tab = Tab(ALICE).connect(process, rooms=["food"])
    process.note()
    process.happen("food")
    tab.cut()
    process.happen("food")
    process.note()

    assert process.cast.connections().total == 0
    sent, missed = (process.cast.trace(offset=offset).events[0].receipts for offset in (1, 2))
    assert [(one.state, one.connection.ended is not None) for one in sent] == [("sent", True)]
    assert [one.state for one in missed] == ["missed"]


def test_a_connection_between_two_writes_is_known_all_the_same(process: TeamProcess) -> None:
    tab = Tab(ALICE).connect(process, rooms=["food"])
    process.happen("food")
    tab.cut()
    process.note()

    [receipt] = process.cast.trace(offset=1).events[0].receipts
    assert receipt.connection.sid == tab.sid
    assert receipt.state == "sent"


def test_while_redis_takes_nothing_the_end_of_a_connection_waits(
    start_team: StartTeam, own_redis: RedisServer, database_url: str
) -> None:
    process = TeamProcess(database_url, own_redis)
    tab = Tab(ALICE).connect(process, rooms=["food"])
    other = Tab(BOB).connect(process)
    process.note()
    own_redis.stop()
    process.happen("food")
    tab.cut()
    process.note()  # logged and counted
    with pytest.raises(LedgerUnavailable):
        process.cast.connections()
    assert "Redis does not answer" in process.cast.trace(offset=1).gaps[0]

    own_redis.start()  # empty
    process.note()
    process.note()

    assert [one.sid for one in process.cast.connections().connections] == [other.sid]
    [receipt] = process.cast.trace(offset=1).events[0].receipts
    assert (receipt.connection.sid, receipt.state) == (tab.sid, "sent")
    process.end()


def test_after_redis_was_emptied_all_is_written_again(
    process: TeamProcess, client: redis.Redis
) -> None:
    tab = Tab(ALICE).connect(process)
    process.note()
    for key in client.scan_iter(f"{process.service.broker.prefix}:ledger*"):
        client.delete(key)

    process.note()
    process.note()

    assert [one.sid for one in process.cast.connections().connections] == [tab.sid]


def test_too_many_ends_that_cannot_be_written_are_unknown_and_counted(
    process: TeamProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bookkeeper, "MAX_UNWRITTEN", 2)
    stays = Tab(BOB).connect(process, rooms=["food"])
    tabs = [Tab(ALICE).connect(process, rooms=["food"]) for _ in range(3)]
    lost = [tab.sid for tab in tabs[:2]]
    process.note()
    process.happen("food")
    for tab in tabs:
        tab.cut()
    process.note()

    [mine] = process.cast.processes()  # under another name
    assert (mine.name, mine.lost) == (process.live.bookkeeper.name, 2)
    assert [one.sid for one in process.cast.connections().connections] == [stays.sid]
    trace = process.cast.trace(offset=1)
    states = {one.connection.sid: one.state for one in trace.events[0].receipts}
    assert states == {stays.sid: "sent", tabs[2].sid: "sent", **dict.fromkeys(lost, "unknown")}
    assert any("could not write the end of 2 connections" in gap for gap in trace.gaps)


def test_ended_connections_are_forgotten_when_they_are_too_many(
    process: TeamProcess, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_writing, "MAX_ENDED", 2)
    tabs = [Tab(ALICE).connect(process, rooms=["food"]) for _ in range(4)]
    process.happen("food")
    for tab in tabs:
        tab.cut()
    process.note()
    process.note()

    [mine] = process.cast.processes()
    key = process.service.broker.ledger_connections(mine.name)
    assert set(client.hkeys(key)) == {tab.sid.encode() for tab in tabs[2:] if tab.sid}
    assert any("has kept no connection" in gap for gap in process.cast.trace(offset=1).gaps)


def test_a_process_that_shuts_down_says_so_and_is_tidied_up_in_the_end(
    start: Start, client: redis.Redis
) -> None:
    process, other = start(), start()
    Tab(ALICE).connect(process)
    process.note()
    process.live.bookkeeper.write(is_end=True)
    process.note()  # nothing any more
    other.note()

    [left] = other.cast.processes()
    assert left.name != process.live.bookkeeper.name
    assert other.cast.connections().total == 0

    key = other.service.broker.ledger
    text: Any = client.hget(key, process.live.bookkeeper.name)
    ended = ProcessRecord.read("x", text)
    assert ended.ended_at is not None
    client.hset(key, "of another release", "{}")
    later = start()
    later.note()
    assert client.hexists(key, "of another release") is False


def test_in_another_journal_a_process_begins_anew(process: TeamProcess) -> None:
    Tab(ALICE).connect(process, rooms=["food"])
    process.happen("food")
    process.note()
    before = process.live.bookkeeper.name
    process.service.journal.restart(process.service.journal.head().journal, 100)
    process.catch_up()
    process.happen("food")
    process.note()

    assert process.live.bookkeeper.name != before
    assert [one.name for one in process.cast.processes()] == [process.live.bookkeeper.name]
    assert process.cast.connections().total == 0  # all were closed
    [event] = process.cast.trace(offset=process.cast.head().position).events
    assert event.receipts == ()


def test_without_a_ledger_the_journal_still_answers(start: Start) -> None:
    process = start(LEDGER_SECONDS=0)
    Tab(ALICE).connect(process, rooms=["food"])
    process.happen("food")

    trace = process.cast.trace(offset=1)

    assert [event.rooms for event in trace.events] == [("food",)]
    assert "LEDGER_SECONDS is 0" in trace.gaps[0]
    with pytest.raises(LedgerUnavailable, match="LEDGER_SECONDS is 0"):
        process.cast.connections()
