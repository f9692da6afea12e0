"""The follower: whatever Redis does, each event is fanned out once, in position order."""

from typing import Any

import orjson
import pytest
from flask import Flask
from prometheus_client import REGISTRY
from sqlalchemy import delete, update

from app.db import db, now, transaction
from ordercast.events import CONTROL_ROOM
from ordercast.journal import Entry
from ordercast.journal.tables import EVENTS, HEAD
from ordercast.live.follower import Follower
from ordercast.revocation import Mark, RevocationKind
from ordercast.revocation.store import REVOKED
from tests.harness.application import journal
from tests.harness.application.journal import announce_head, sequence_once
from tests.harness.application.tabs import SMALL_BYTES, statements


class Sockets:
    """Remembers what was sent; refuses the events of a name."""

    def __init__(self, refuses: str | None = None) -> None:
        self.sent: list[tuple[str, str, Any, int]] = []
        self.dismissed: list[tuple[str, str]] = []
        self.closed_all = 0
        self._refuses = refuses

    def hosts(self, _rooms: object) -> bool:
        return True

    def note_position(self, position: int) -> None:
        pass

    def emit_entry(self, entry: Entry) -> None:
        if entry.name == self._refuses:
            raise ValueError("cannot be encoded")
        payload = orjson.loads(entry.data)
        self.sent.append((entry.room, entry.name, payload, entry.position))

    def dismiss(self, mark: Mark) -> None:
        self.dismissed.append((RevocationKind(mark.kind), mark.value))

    def close_all(self) -> None:
        self.closed_all += 1

    @property
    def offsets(self) -> list[int]:
        return [position for *_, position in self.sent]


@pytest.fixture
def sockets() -> Sockets:
    return Sockets()


@pytest.fixture
def follower(app: Flask, sockets: Sockets) -> Follower:
    follower = Follower(journal.of(app), sockets)
    assert follower.step() == "start"
    return follower


def append(count: int = 1, *, room: str = "user:1", name: str = "test") -> None:
    with transaction():
        for number in range(count):
            journal.append(room, name, {"number": number})


def published(limit: int = 200) -> bytes:
    messages: list[bytes] = []
    sequence_once(messages.append, limit)
    return messages[0]


def test_a_message_is_fanned_out_at_once(follower: Follower, sockets: Sockets) -> None:
    append()
    follower.receive(published())
    assert sockets.sent == [("user:1", "test", {"number": 0}, 1)]
    assert follower.last == 1


def test_what_was_there_before_the_start_is_not_fanned_out(app: Flask, sockets: Sockets) -> None:
    append(3)
    published()
    follower = Follower(journal.of(app), sockets)
    assert not follower.ready.is_set()
    follower.step()
    assert follower.ready.is_set()
    append()
    follower.receive(published())
    assert sockets.offsets == [4]


def test_a_message_that_comes_twice_is_fanned_out_once(
    follower: Follower, sockets: Sockets
) -> None:
    append(2)
    message = published()
    follower.receive(message)
    follower.receive(message)
    assert sockets.offsets == [1, 2]


def test_a_gap_is_read_from_the_journal(follower: Follower, sockets: Sockets) -> None:
    append(3)
    published(1)  # lost
    second, third = published(1), published(1)
    follower.receive(third)
    follower.receive(second)
    assert sockets.offsets == []
    assert follower.step() == "gap"
    assert sockets.offsets == [1, 2, 3]


def test_a_head_that_is_ahead_is_read_from_the_journal(
    follower: Follower, sockets: Sockets
) -> None:
    append(2)
    published()  # lost
    head = journal.head()
    announced = {"journal": head.journal, "head": head.position, "events": []}
    follower.receive(orjson.dumps(announced))
    assert follower.step() == "gap"
    assert sockets.offsets == [1, 2]


def test_silence_is_a_reason_to_read(follower: Follower, sockets: Sockets) -> None:
    append()
    published()  # lost, and no head is announced
    follower.read_soon()
    assert follower.step() == "silence"
    assert sockets.offsets == [1]


def test_it_reads_page_after_page(follower: Follower, sockets: Sockets) -> None:
    append(1203)
    while sequence_once(lambda message: None):
        continue
    follower.read_soon()
    follower.step()
    assert sockets.offsets == list(range(1, 1204))


def test_a_process_that_starts_reads_the_recent_past_in_few_statements(
    app: Flask, sockets: Sockets
) -> None:
    append(3_000)
    while sequence_once(lambda message: None):
        continue
    follower = Follower(journal.of(app), sockets)
    with statements(db.engine) as asked:
        assert follower.step() == "start"
    reads = [one for one in asked if one.lstrip().startswith(("SELECT", "WITH"))]
    assert len(reads) == 3  # head, sizes, content
    kept = follower.ring.since(0, until=3_000, rooms=["user:1"], limit=9_999)
    assert kept == journal.since(0, limit=9_999)


def test_a_process_that_starts_reads_no_more_of_the_past_than_fits(
    app: Flask, sockets: Sockets
) -> None:
    append(20)
    sequence_once(lambda message: None)
    follower = Follower(journal.of(app), sockets)
    follower.ring.max_bytes = 10 * SMALL_BYTES
    assert follower.step() == "start"
    assert follower.ring.since(0, until=20, rooms=["user:1"], limit=99) is None
    assert follower.ring.since(15, until=20, rooms=["user:1"], limit=99) == journal.since(
        15, limit=9
    )


def test_positions_of_another_journal_on_the_same_redis_mean_nothing(
    follower: Follower, sockets: Sockets
) -> None:
    foreign = {"journal": "another", "head": 1, "events": [[1, "user:1", "test", "{}"]]}
    follower.receive(orjson.dumps(foreign))
    follower.step()
    assert sockets.sent == []
    assert follower.last == 0


def test_a_replaced_database_is_followed_from_its_head(
    follower: Follower, sockets: Sockets, caplog: pytest.LogCaptureFixture
) -> None:
    append(2)
    published()
    with transaction() as session:
        session.execute(update(HEAD).values(journal="restored"))
    follower.read_soon()
    follower.step()
    assert sockets.sent == []
    assert follower.last == 2
    assert sockets.closed_all == 1
    assert "the database is another one now" in caplog.text


def restore_a_backup(position: int) -> None:
    """The journal is what it was at this position."""
    with transaction() as session:
        session.execute(update(HEAD).values(position=position))
        session.execute(delete(EVENTS).where(EVENTS.c.position > position))


def announced() -> bytes:
    messages: list[bytes] = []
    announce_head(messages.append)
    return messages[0]


def test_a_journal_that_went_back_goes_on_under_another_name_and_gives_no_position_twice(
    follower: Follower, sockets: Sockets, caplog: pytest.LogCaptureFixture
) -> None:
    append(3)
    follower.receive(published())
    before = journal.head()
    restore_a_backup(1)
    follower.read_soon()
    follower.step()
    head = journal.head()
    assert head.journal != before.journal
    assert head.position == head.lowest - 1 == follower.last > before.position
    assert sockets.closed_all == 1
    assert "the journal went back" in caplog.text
    append()
    follower.receive(published())
    assert sockets.offsets == [1, 2, 3, follower.last]
    kept = follower.ring.since(head.position, until=follower.last, rooms=["user:1"], limit=9)
    assert kept == journal.since(head.position, limit=9)
    assert follower.ring.since(0, until=follower.last, rooms=["user:1"], limit=9) is None


def test_of_two_processes_that_notice_it_one_renames_the_journal(
    follower: Follower, sockets: Sockets
) -> None:
    append(3)
    follower.receive(published())
    name = journal.head().journal
    restore_a_backup(1)
    once = journal.restart(name, 3)
    assert journal.restart(name, 4) == once == journal.head()
    follower.read_soon()
    follower.step()
    assert (follower.last, sockets.closed_all) == (once.position, 1)


def test_a_journal_that_went_back_is_noticed_while_redis_speaks(
    follower: Follower, sockets: Sockets
) -> None:
    """A worker on the restored database announces its head: it is never silent."""
    append(3)
    follower.receive(published())
    restore_a_backup(1)
    follower.receive(announced())
    assert follower.step() == "silence"
    assert follower.last > 3  # where no position was given yet
    assert sockets.closed_all == 1


def test_an_announcement_that_was_overtaken_changes_nothing(
    follower: Follower, sockets: Sockets
) -> None:
    """The race: a worker reads the head, another one sequences and publishes, and then comes the
    first one's word. The journal is asked, and is where the follower is."""
    late = announced()
    append(3)
    follower.receive(published())
    follower.receive(late)
    assert follower.step() == "silence"
    assert (follower.last, sockets.closed_all) == (3, 0)
    assert sockets.offsets == [1, 2, 3]


def test_an_event_that_cannot_be_sent_is_logged_and_holds_up_nothing(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    sockets = Sockets(refuses="poison")
    follower = Follower(journal.of(app), sockets)
    follower.step()
    append(name="poison")
    append()
    follower.receive(published())
    assert sockets.offsets == [2]
    assert "event not delivered" in caplog.text


def test_a_hole_in_the_journal_is_logged_and_passed(
    follower: Follower, sockets: Sockets, caplog: pytest.LogCaptureFixture
) -> None:
    append(3)
    published()
    with transaction() as session:  # somebody's hand in the table
        session.execute(delete(EVENTS).where(EVENTS.c.position == 2))
    follower.read_soon()
    follower.step()
    assert sockets.offsets == [1, 3]
    assert "the journal has a hole" in caplog.text


def test_a_revocation_reaches_the_sockets_in_its_turn(follower: Follower, sockets: Sockets) -> None:
    append()
    with transaction():
        journal.append(
            CONTROL_ROOM, REVOKED, {"kind": "session", "value": "abc", "at": now().isoformat()}
        )
    follower.receive(published())
    assert sockets.dismissed == [(RevocationKind.SESSION, "abc")]
    assert sockets.offsets == [1]
    assert follower.last == 2


def fanned_out(name: str) -> float:
    labels = {"name": name}
    return REGISTRY.get_sample_value("ordercast_events_fanned_out_total", labels) or 0


class Elsewhere(Sockets):
    """All recipients are clients of other processes."""

    def __init__(self) -> None:
        super().__init__()
        self.position = 0

    def hosts(self, _rooms: object) -> bool:
        return False

    def note_position(self, position: int) -> None:
        self.position = position


def test_an_event_for_clients_of_other_processes_is_remembered_counted_and_not_sent(
    app: Flask,
) -> None:
    sockets = Elsewhere()
    follower = Follower(journal.of(app), sockets)
    follower.step()
    append(3, name="passed")
    follower.receive(published())
    assert (sockets.sent, sockets.position, follower.last) == ([], 3, 3)
    assert len(follower.ring.since(0, until=3, rooms=["user:1"], limit=9) or ()) == 3
    before = fanned_out("passed")
    follower.tell()
    follower.tell()
    assert fanned_out("passed") == before + 3
    assert REGISTRY.get_sample_value("ordercast_follower_position") == 3


def test_a_revocation_is_for_every_process(app: Flask) -> None:
    sockets = Elsewhere()
    follower = Follower(journal.of(app), sockets)
    follower.step()
    with transaction():
        journal.append(
            CONTROL_ROOM, REVOKED, {"kind": "session", "value": "abc", "at": now().isoformat()}
        )
    follower.receive(published())
    assert sockets.dismissed == [(RevocationKind.SESSION, "abc")]


class Telling(Sockets):
    """Tells the metrics while an event is on its way, as the subscription may."""

    follower: Follower

    def emit_entry(self, entry: Entry) -> None:
        self.follower.tell()
        super().emit_entry(entry)


def test_metrics_told_while_events_are_fanned_out_count_each_once(app: Flask) -> None:
    """The race: the subscription has read all it could, and tells the metrics, while the follower
    fans out what it has read from the journal."""
    sockets = Telling()
    follower = sockets.follower = Follower(journal.of(app), sockets)
    follower.step()
    append(5, name="told")
    published()
    before = fanned_out("told")
    follower.read_soon()
    follower.step()
    follower.tell()
    assert sockets.offsets == [1, 2, 3, 4, 5]
    assert fanned_out("told") == before + 5
