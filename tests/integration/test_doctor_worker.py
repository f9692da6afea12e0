"""What `flask doctor` says of the workers that it hears."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import orjson
import pytest
from flask import Flask

from app import create_app
from app.config import Settings
from app.db import db
from ordercast import Doubtful, Unhealthy
from ordercast.broker import Broker
from ordercast.doctor import redis as beside
from ordercast.doctor import worker as subject
from ordercast.journal import Publisher
from tests.harness.application import journal
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until


@pytest.fixture
def alone(settings: Settings, own_redis: RedisServer) -> Iterator[Flask]:
    """The application with a Redis of its own."""
    app = create_app(Settings.of(**{**settings.model_dump(), "REDIS_URL": own_redis.url}))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def announce(own_redis: RedisServer) -> Iterator[Callable[[bytes], None]]:
    """Publish a message on the journal's channel again and again until the test is over."""
    over = threading.Event()

    def repeat(message: bytes) -> None:
        publish = Publisher(Broker(own_redis.url))
        while not over.wait(0.1):
            publish(message)

    with ExitStack() as stack:

        def start(message: bytes) -> None:
            thread = threading.Thread(target=repeat, args=(message,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)

        yield start


def head(name: str) -> bytes:
    return orjson.dumps({"journal": name, "head": 3, "events": []})


def ask(app: Flask) -> str:
    service = app.extensions["ordercast"]
    heard, _ = subject.examinations(service.broker, service.journal)
    return heard.ask()


def test_a_worker_of_this_database_is_heard(
    alone: Flask, announce: Callable[[bytes], None]
) -> None:
    announce(head(journal.head().journal))
    announce(b"no announcement")
    announce(head("doctor-0123"))
    assert ask(alone) == "running"


def test_a_worker_of_another_database_beside_it_is_a_doubt(
    alone: Flask, announce: Callable[[bytes], None]
) -> None:
    announce(head(journal.head().journal))
    announce(head("another"))
    with pytest.raises(Doubtful, match="ordercast:0:journal carries the journal of another"):
        ask(alone)


def test_a_worker_of_another_database_alone_is_none(
    alone: Flask, announce: Callable[[bytes], None]
) -> None:
    announce(head("another"))
    with pytest.raises(Unhealthy, match="no worker announces the journal"):
        ask(alone)


def test_a_stranger_on_the_stock_channel_is_found_while_the_worker_is_listened_for(
    alone: Flask, announce: Callable[[bytes], None]
) -> None:
    broker = Broker.of(alone.config["SETTINGS"])
    announce(head(journal.head().journal))
    *_, neighbours = beside.examinations(broker)

    def heard() -> str:
        with alone.app_context():
            return ask(alone)

    with broker.connect() as client, client.pubsub() as stock, ThreadPoolExecutor(1) as examination:
        stock.subscribe(broker.queue_channel)
        wait_until(lambda: client.pubsub_numsub(broker.queue_channel)[0][1] == 1, "it listens")
        worker = examination.submit(heard)
        journals = broker.journal_channel
        wait_until(lambda: client.pubsub_numsub(journals)[0][1] == 1, "the examination listens")
        with pytest.raises(Doubtful, match="1 others listen to flask-socketio"):
            neighbours.ask()
        assert worker.result() == "running"
