"""Sequencing's last step: publishing, which raises when it fails and never loses an event."""

import orjson
import pytest
import redis
from flask import Flask

from app.db import transaction
from ordercast.broker import Broker
from ordercast.journal import Entry, Publisher
from ordercast.journal.numbering import BATCH_BYTES
from ordercast.journal.sequencing import MESSAGE_BYTES
from ordercast.live.follower import Follower
from ordercast.metrics import PUBLISH_FAILURES
from tests.harness.application import journal
from tests.harness.application.journal import announce_head, sequence_once
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer


class Silent:
    """Sockets of a process where nobody is."""

    def hosts(self, _rooms: object) -> bool:
        return True

    def note_position(self, position: int) -> None:
        pass

    def emit_entry(self, entry: Entry) -> None:
        pass

    def dismiss(self, mark: object) -> None:
        raise AssertionError("nothing is revoked here")

    def close_all(self) -> None:
        raise AssertionError("nothing is lost here")


def append(count: int = 1) -> None:
    with transaction():
        for number in range(count):
            journal.append("user:1", "test", {"number": number})


def test_a_step_is_one_batch_and_one_message(app: Flask) -> None:
    append(5)
    sent: list[bytes] = []
    assert [sequence_once(sent.append, limit=3) for _ in range(3)] == [3, 2, 0]
    messages = [orjson.loads(message) for message in sent]
    assert [[event[0] for event in message["events"]] for message in messages] == [
        [1, 2, 3],
        [4, 5],
    ]
    assert [message["head"] for message in messages] == [3, 5]
    assert {message["journal"] for message in messages} == {journal.head().journal}


def test_the_head_is_announced_without_events(app: Flask) -> None:
    append(2)
    sequence_once(lambda message: None)
    sent: list[bytes] = []
    announce_head(sent.append)
    assert orjson.loads(sent[0]) == {
        "journal": journal.head().journal,
        "head": 2,
        "events": [],
        "examined": True,
        "further": [],
    }


def test_a_publish_that_fails_is_logged_and_counted_and_the_events_stay(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(message: bytes) -> None:
        raise redis.ConnectionError("gone")

    append()
    counted = PUBLISH_FAILURES.labels("journal")._value.get()
    assert sequence_once(fails) == 1
    assert PUBLISH_FAILURES.labels("journal")._value.get() == counted + 1
    assert "publish failed" in caplog.text
    assert [entry.position for entry in journal.since(0, limit=9)] == [1]


def test_the_publisher_raises_without_redis_and_does_not_try_each_time() -> None:
    publish = Publisher(Broker(f"redis://127.0.0.1:{free_port()}/0"))
    with pytest.raises(redis.ConnectionError, match="refused"):
        publish(b"one")
    with pytest.raises(redis.ConnectionError, match="a moment ago"):
        publish(b"two")


def test_the_publisher_reaches_the_journal_channel(redis_server: RedisServer) -> None:
    broker = Broker(redis_server.url)
    with broker.connect() as client, client.pubsub() as pubsub:
        pubsub.subscribe(broker.journal_channel)
        assert pubsub.get_message(timeout=5)["type"] == "subscribe"
        Publisher(broker)(b"hello")
        assert pubsub.get_message(timeout=5)["data"] == b"hello"


def test_many_bytes_are_several_messages_and_no_message_says_that_the_next_is_lost(
    app: Flask,
) -> None:
    """200 events of a megabyte were one message of 200 MB, which every process reads whole."""
    follower = Follower(journal.of(app), Silent())
    follower.step()
    with transaction():
        for _ in range(12):
            journal.append("user:1", "test", {"x": "x" * 600_000})
    messages: list[bytes] = []
    with app.app_context():
        assert sequence_once(messages.append) == 12
    assert len(messages) == 12
    assert max(map(len, messages)) < MESSAGE_BYTES + 1000
    for position, message in enumerate(messages, start=1):
        follower.receive(message)
        assert follower.last == position
        assert follower.step() is None


def test_a_step_holds_a_few_megabytes_and_leaves_nothing_behind(app: Flask) -> None:
    with transaction():
        for _ in range(15):
            journal.append("user:1", "test", {"x": "x" * 600_000})
    _, first = journal.sequence()
    assert sum(len(entry.data) for entry in first) <= BATCH_BYTES + 1_048_576
    assert [entry.position for entry in first] == list(range(1, len(first) + 1))
    assert sequence_once(lambda _: None) == 15 - len(first)
    assert journal.head().position == 15


def test_a_page_of_the_journal_has_so_many_bytes_or_one_entry(app: Flask) -> None:
    with transaction():
        for size in (10, 300_000, 300_000, 900_000, 10):
            journal.append("user:1", "test", {"x": "x" * size})
    sequence_once(lambda _: None)
    after, pages = 0, []
    while page := journal.page(after, limit=500, until=5, max_bytes=650_000):
        pages.append([entry.position for entry in page])
        after = page[-1].position
    assert pages == [[1, 2, 3], [4], [5]]
