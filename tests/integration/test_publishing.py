"""Sequencing's last step: publishing, which raises when it fails and never loses an event."""

import orjson
import pytest
import redis
from flask import Flask

from app import journal
from app.broker import Broker
from app.db import transaction
from app.metrics import PUBLISH_FAILURES
from app.worker.publishing import Publisher
from app.worker.sequencing import announce_head, sequence_once
from tests.harness.servers import RedisServer, free_port


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
