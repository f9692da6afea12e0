"""Whether a connection got an event, by what the ledger has of it. Offsets 10 and around it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ordercast.ledger import ConnectionRecord, Ended, Mark, ProcessRecord, RoomSpan
from ordercast.ledger.records import MAX_MARKS, mark_text, read_mark
from ordercast.trace.answers import Progress, Receipt
from ordercast.trace.judging import Judge, progress_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=5)
RUNS = ProcessRecord(
    name="p",
    host="host",
    pid=7,
    journal="j",
    started_at=EARLIER,
    written_at=NOW,
    began=0,
    position=20,
    connections=1,
    every=1,
)
KILLED = replace(RUNS, name="k", written_at=EARLIER, position=9)
OPEN = ConnectionRecord(
    sid="sid",
    process="p",
    user_id="7",
    address="10.0.0.1",
    transport="websocket",
    since=EARLIER,
    client="client",
    offset=0,
    is_recovered=False,
    is_replaying=False,
    rooms={"user:7": RoomSpan(0)},
)


def ended(offset: int) -> Ended:
    return Ended(offset, NOW, "lost")


def later(record: ConnectionRecord, **changes: object) -> ConnectionRecord:
    """The same client's next connection."""
    since = record.since + timedelta(seconds=1)
    return replace(record, sid="next", since=since, is_recovered=True, **changes)  # type: ignore[arg-type]


def receipts(*connections: ConnectionRecord, rooms: tuple[str, ...] = ("user:7",)) -> list[Receipt]:
    """Of the event 10."""
    processes = {one.name: one for one in (RUNS, KILLED)}
    return Judge(10, rooms, processes, NOW).receipts(connections)


def judged(*connections: ConnectionRecord) -> list[tuple[str, str]]:
    return [(one.connection.sid, one.state) for one in receipts(*connections)]


def test_sent_to_a_connection_whose_process_has_come_so_far() -> None:
    assert judged(OPEN) == [("sid", "sent")]
    assert judged(replace(OPEN, offset=9, rooms={"user:7": RoomSpan(9)})) == [("sid", "sent")]


def test_not_to_one_that_had_it_or_was_in_no_room_of_it() -> None:
    assert judged(replace(OPEN, offset=10)) == []
    assert judged(replace(OPEN, rooms={"user:8": RoomSpan(0)})) == []
    assert judged(replace(OPEN, rooms={"user:7": RoomSpan(10)})) == []
    assert judged(replace(OPEN, rooms={"user:7": RoomSpan(0, 9)})) == []


def test_an_event_for_everybody_or_for_one_sid_needs_no_room() -> None:
    nowhere = replace(OPEN, rooms={})
    assert [one.state for one in receipts(nowhere, rooms=("*",))] == ["sent"]
    assert [one.state for one in receipts(nowhere, rooms=("sid",))] == ["sent"]


def test_read_once_it_is_acknowledged() -> None:
    assert judged(replace(OPEN, acknowledged=9, acknowledged_at=NOW)) == [("sid", "sent")]
    [one] = receipts(replace(OPEN, acknowledged=11, acknowledged_at=NOW))
    assert (one.state, one.why, one.offset, one.at) == ("read", "acknowledged up to 11", 11, NOW)


def test_read_once_the_client_came_back_with_a_later_offset() -> None:
    first = replace(OPEN, ended=ended(15))
    [one] = receipts(first, later(first, offset=12, ended=None))
    assert (one.connection.sid, one.state, one.why) == ("sid", "read", "came back with 12")


def test_sent_again_to_a_client_that_came_back_without_it() -> None:
    first = replace(OPEN, ended=ended(15))
    assert judged(first, later(first, offset=9, ended=None)) == [("sid", "sent"), ("next", "sent")]


def test_missed_until_the_client_comes_back() -> None:
    first = replace(OPEN, ended=ended(9))
    assert judged(first) == [("sid", "missed")]
    assert judged(first, later(first, offset=9, ended=None)) == [("next", "sent")]


def test_another_client_in_the_room_proves_nothing() -> None:
    other = later(replace(OPEN, client="another"), offset=15)
    assert judged(OPEN, other) == [("sid", "sent"), ("next", "read")]


def test_unknown_on_a_process_that_was_killed_before_it_wrote_so_far() -> None:
    [one] = receipts(replace(OPEN, process="k"))
    assert one.state == "unknown"
    assert one.why == "its process was killed, or could not write, after 11:55:00"
    assert judged(replace(OPEN, process="not in the ledger")) == [("sid", "unknown")]


def test_known_on_a_killed_process_by_what_it_wrote_or_by_the_client() -> None:
    on_killed = replace(OPEN, process="k")
    assert judged(replace(on_killed, ended=ended(10))) == [("sid", "sent")]
    back = later(on_killed, process="p", offset=12)
    assert judged(on_killed, back) == [("sid", "read")]


def test_what_came_of_a_killed_connection_does_not_matter_where_the_next_has_the_event() -> None:
    on_killed = replace(OPEN, process="k")
    assert judged(on_killed, later(on_killed, process="p", offset=8)) == [("next", "sent")]


def test_waiting_for_a_process_that_is_behind() -> None:
    behind = replace(RUNS, position=8)
    [one] = Judge(10, ["user:7"], {"p": behind}, NOW).receipts([OPEN])
    assert (one.state, one.why) == ("waiting", "its process was at 8 at 12:00:00")


def test_missed_on_a_process_that_shut_down_before() -> None:
    down = replace(RUNS, position=8, ended_at=NOW)
    [one] = Judge(10, ["user:7"], {"p": down}, NOW).receipts([OPEN])
    assert (one.state, one.why) == ("missed", "its process shut down at 12:00:00")


def test_a_replay_that_goes_on_or_broke_off_is_not_called_sent() -> None:
    replaying = replace(OPEN, is_replaying=True)
    assert judged(replaying) == [("sid", "waiting")]
    assert judged(replace(replaying, ended=ended(15))) == [("sid", "unknown")]


def test_what_waits_for_a_client_that_does_not_read_is_said() -> None:
    [one] = receipts(replace(OPEN, backlog_bytes=4096))
    assert one.why == "sent, not acknowledged; 4,096 bytes wait for the client"


@pytest.mark.parametrize(
    ("process", "progress"),
    [
        (RUNS, "sent"),
        (KILLED, "unknown"),
        (replace(RUNS, position=9), "behind"),
        (replace(RUNS, position=9, ended_at=NOW), "ended"),
        (replace(RUNS, began=10), None),
        (replace(RUNS, position=9, is_replaced=True), "unknown"),
    ],
)
def test_how_far_a_process_came(process: ProcessRecord, progress: str | None) -> None:
    found = progress_of(process, 10, NOW)
    assert (None if found is None else found.progress.value) == progress


def test_when_a_process_came_to_an_event_is_between_two_of_its_writes() -> None:
    marks = (Mark(20, EARLIER, NOW), Mark(9, EARLIER - timedelta(1), EARLIER))
    found = progress_of(replace(RUNS, marks=marks), 10, NOW)
    assert found is not None
    assert (found.progress, found.after, found.until) == (Progress.SENT, EARLIER, NOW)
    full = replace(RUNS, marks=(Mark(20, EARLIER, NOW),) * MAX_MARKS)
    assert full.reached(10) is None  # older marks were dropped: it may have been long before


def test_a_name_that_is_no_unicode_is_written_all_the_same() -> None:
    odd = replace(OPEN, user_id="7\ud800", rooms={"food\udfff": RoomSpan(0)})
    read = ConnectionRecord.read("p", odd.sid, odd.text())
    assert (read.user_id, [*read.rooms]) == ("7?", ["food?"])


def test_records_are_read_as_they_were_written() -> None:
    connection = replace(
        OPEN,
        offset=3,
        is_recovered=True,
        is_replaying=True,
        rooms={"user:7": RoomSpan(3), "food": RoomSpan(4, 9), "drink": RoomSpan(5)},
        more_rooms=2,
        backlog_bytes=7,
        acknowledged=8,
        acknowledged_at=NOW,
        ended=ended(12),
    )
    for one in (OPEN, connection, replace(OPEN, user_id=None, rooms={})):
        assert ConnectionRecord.read("p", one.sid, one.text()) == one
    for process in (RUNS, replace(RUNS, ended_at=NOW, forgotten_at=EARLIER, lost=3)):
        assert ProcessRecord.read("p", process.text()) == process
    mark = Mark(20, EARLIER, NOW)
    assert read_mark(mark_text(mark)) == mark
