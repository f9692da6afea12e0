"""When offsets were given: what a sequencer notes in a real Redis beside what it publishes."""

from secrets import token_hex

import pytest
import redis
from flask import Flask

from app.db import transaction
from ordercast.broker import Broker
from ordercast.journal import Batches, Journal, Marks, Publisher, Sequencer
from ordercast.journal import batches as module
from ordercast.ledger import LedgerReader
from tests.harness.application import journal
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until


def append(count: int = 1) -> None:
    with transaction():
        for number in range(count):
            journal.append("user:1", "test", {"number": number})


def sequencer(here: Journal, broker: Broker) -> Sequencer:
    marks, batches = Marks(broker), Batches(broker, here.clock)
    return here.sequencer(Publisher(broker, marks, batches), marks, batches)


@pytest.fixture
def broker(redis_server: RedisServer) -> Broker:
    return Broker(redis_server.url, prefix=f"batches-{token_hex(4)}")


@pytest.fixture
def reader(broker: Broker) -> LedgerReader:
    return LedgerReader(broker)


@pytest.fixture
def every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch has a note of its own."""
    monkeypatch.setattr(module, "NOTE_SECONDS", 0.0)


@pytest.mark.usefixtures("every_batch")
def test_an_offset_is_found_with_the_time_of_its_batch(
    app: Flask, broker: Broker, reader: LedgerReader
) -> None:
    here = journal.of(app)
    sequencing = sequencer(here, broker)
    before = here.now()
    append(3)
    sequencing.step()
    append(2)
    sequencing.step()

    name = here.head().journal
    found = [reader.batch(name, offset) for offset in range(1, 7)]

    assert [one and (one.first, one.last) for one in found] == [
        *[(1, 3)] * 3,
        *[(4, 5)] * 2,
        None,
    ]
    assert all(one is None or (one.is_published and one.after >= before) for one in found)
    assert reader.batch("another journal", 1) is None


def test_batches_that_follow_at_once_are_one_note(
    app: Flask, broker: Broker, reader: LedgerReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = journal.of(app)
    monkeypatch.setattr(module, "NOTE_SECONDS", 3600.0)
    sequencing = sequencer(here, broker)
    for _ in range(3):
        append()
        sequencing.step()
    name = here.head().journal
    assert reader.batch(name, 2) is None  # not noted yet

    monkeypatch.setattr(module, "NOTE_SECONDS", 0.0)
    other = sequencer(here, broker)
    append()
    other.step()

    first, second, last = (reader.batch(name, offset) for offset in (1, 2, 4))
    assert first is not None
    assert (first.first, first.last) == (1, 1)
    assert second is None  # given by the other, which has not noted it
    assert last is not None
    assert (last.first, last.last) == (4, 4)


@pytest.mark.usefixtures("every_batch")
def test_a_batch_that_redis_did_not_take_is_noted_with_the_next(
    app: Flask, own_redis: RedisServer
) -> None:
    here, broker = journal.of(app), Broker(own_redis.url)
    sequencing = sequencer(here, broker)
    append()
    sequencing.step()
    own_redis.stop()
    append()
    sequencing.step()
    own_redis.start()
    append()
    _until_published(sequencing, own_redis)

    batch = LedgerReader(broker).batch(here.head().journal, 2)
    assert batch is not None
    assert (batch.first, batch.is_published) == (2, False)


def _until_published(sequencing: Sequencer, server: RedisServer) -> None:
    """The publisher does not try for a moment after a failure."""
    with redis.Redis.from_url(server.url) as client:

        def is_noted() -> bool:
            sequencing.step()
            sequencing.announce()
            return bool(client.keys("ordercast:ledger:batches:*"))

        wait_until(is_noted, "a note")


def test_without_redis_a_sequencer_goes_on(app: Flask) -> None:
    broker = Broker(f"redis://127.0.0.1:{free_port()}/0")
    append(2)
    assert sequencer(journal.of(app), broker).step() == 2
