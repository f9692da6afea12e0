"""No position is given twice: what is remembered of a journal, where, and what follows from it."""

from collections.abc import Iterator
from datetime import timedelta

import orjson
import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from app.db import db, now, transaction
from app.extension import cast
from ordercast.broker import Broker
from ordercast.journal import Marks, Publisher
from ordercast.journal.restarting import UNKNOWN_GAP
from ordercast.journal.tables import EVENTS, HEAD
from tests.harness.application import journal
from tests.harness.application.journal import announce_head, sequence_once
from tests.harness.application.tabs import ALICE, Start, Tab
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until


@pytest.fixture
def broker(own_redis: RedisServer) -> Broker:
    return Broker(own_redis.url)


def append(count: int = 1) -> None:
    """Append, and wait until the sequencers of this process see it: SQLite gives the ids of lost
    rows again, and on a machine that stood still the next whole scan may be seconds away."""
    with transaction():
        for number in range(count):
            journal.append("user:1", "test", {"number": number})
    wait_until(lambda: journal.waiting_after() is not None, "the events are found")


def go_back_to(position: int) -> None:
    """The database is what it was at this position."""
    with transaction() as session:
        session.execute(update(HEAD).values(position=position))
        session.execute(delete(EVENTS).where(EVENTS.c.position > position))


def name() -> str:
    db.session.rollback()
    return journal.head().journal


def sequenced(marks: Marks) -> list[int]:
    """The positions that the events which wait are given."""
    messages: list[bytes] = []
    while sequence_once(messages.append, marks=marks):
        continue
    return [event[0] for message in messages for event in orjson.loads(message)["events"]]


@pytest.fixture
def before(app: Flask, broker: Broker) -> Iterator[str]:
    """The name of a journal whose sequencer got to 5, and the database lost the last three."""
    marks = Marks(broker)
    append(5)
    assert sequenced(marks) == [1, 2, 3, 4, 5]
    Publisher(broker, marks)(b"{}")
    before = name()
    go_back_to(2)
    append(2)
    yield before
    assert name() != before


def test_another_sequencer_learns_from_redis_how_far_the_journal_was(
    before: str, broker: Broker
) -> None:
    first, second = sequenced(Marks(broker))
    assert second == first + 1
    assert first > 5


def test_a_journal_that_was_restored_when_it_was_empty_begins_anew(
    before: str, broker: Broker
) -> None:
    go_back_to(0)
    append()
    assert min(sequenced(Marks(broker))) > 5


def test_a_head_that_is_only_announced_is_compared_as_well(before: str, broker: Broker) -> None:
    marks = Marks(broker)
    marks.note(before, 5)
    sent: list[bytes] = []
    announce_head(sent.append, marks)
    assert orjson.loads(sent[0])["journal"] == name()
    assert orjson.loads(sent[0])["head"] > 5


def test_a_sequencer_that_finds_no_mark_waits_for_the_web_processes(
    before: str, broker: Broker
) -> None:
    with broker.connect() as client:
        client.flushall()
    forgetful, web = Marks(broker), Marks(broker)
    assert sequenced(forgetful) == []
    web.note(before, 5)
    web.share(before)
    assert min(sequenced(forgetful)) > 5


def test_the_older_of_two_sequencers_with_a_memory_of_its_own_does_no_harm(
    before: str, broker: Broker
) -> None:
    old, new = Marks(broker), Marks(broker)
    old.note(before, 5)
    assert len(sequenced(new)) == 2
    Publisher(broker, new)(b"{}")  # the new journal's mark, without which `old` waits for one
    db.engine.dispose()  # a mark is asked for once for each connection: force another
    renamed = name()
    append()
    assert len(sequenced(old)) == 1
    assert name() == renamed


def test_a_mark_only_rises(broker: Broker) -> None:
    for position in (7, 3, 0):
        marks = Marks(broker)
        marks.note("journal", position)
        marks.share("journal")
        assert marks.known("journal") == 7


def test_a_redis_that_is_full_passes_the_message_on(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    marks = Marks(broker)
    marks.note("journal", 1)
    with broker.connect() as client, client.pubsub() as pubsub:
        pubsub.subscribe(broker.journal_channel)
        assert pubsub.get_message(timeout=5)["type"] == "subscribe"
        client.config_set("maxmemory", 1)
        Publisher(broker, marks)(b"hello")
        assert pubsub.get_message(timeout=5)["data"] == b"hello"
    assert "the journal's mark was not written" in caplog.text


def test_without_redis_a_sequencer_goes_by_its_own_memory(app: Flask) -> None:
    marks = Marks(Broker(f"redis://127.0.0.1:{free_port()}/0"))
    append(3)
    assert sequenced(marks) == [1, 2, 3]
    go_back_to(1)
    append()
    assert min(sequenced(marks)) > 3


def test_a_clients_signed_ticket_proves_that_positions_were_lost(start: Start, app: Flask) -> None:
    """Nothing else remembers: Redis was emptied, and every process restarted."""
    append(5)
    while sequence_once(lambda message: None):
        continue
    tab = Tab(ALICE).connect(start()).cut()
    before = name()
    go_back_to(2)

    tab.connect(start())

    assert not tab.recovered
    assert name() != before


def test_what_a_journal_of_another_name_left_behind_is_pruned_in_its_time(app: Flask) -> None:
    append(3)
    while sequence_once(lambda message: None):
        continue
    journal.restart(name(), 4)
    append()
    while sequence_once(lambda message: None):
        continue

    assert journal.prune(now() - timedelta(days=1)) == 0
    assert journal.prune(now() + timedelta(minutes=1)) == 4
    assert db.session.scalar(select(func.count()).select_from(EVENTS)) == 0


def test_a_journal_that_is_restarted_by_hand_begins_far_above_what_any_client_has(
    app: Flask, broker: Broker
) -> None:
    append(5)
    assert sequenced(Marks(broker)) == [1, 2, 3, 4, 5]
    before = name()
    go_back_to(2)
    append(1)
    restart = ["ordercast", "restart-journal"]
    asked = app.test_cli_runner().invoke(args=restart, input="n\n")
    assert (asked.exit_code, name()) == (1, before)
    done = app.test_cli_runner().invoke(args=[*restart, "--yes"])
    begin = 2 + UNKNOWN_GAP
    assert done.output == f"the journal is {name()}, and begins after position {begin}\n"
    assert name() != before
    # What the backup had waiting is sequenced too, and nobody from before has an offset up to it.
    assert [entry.position for entry in journal.sequence()[1]] == [begin + 1]
    assert not cast.missed(["user:1"], after=5).complete
    assert not cast.missed(["user:1"], after=2).complete
    assert cast.missed(["user:1"], after=begin).complete
