"""What `flask doctor` says of the workers that it hears."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import orjson
import pytest
from flask import Flask

from app import create_app, journal
from app.broker import Broker
from app.config import Settings
from app.db import db
from app.doctor import worker as subject
from app.doctor.finding import Doubtful, Unhealthy
from app.worker.publishing import Publisher
from tests.harness.servers import RedisServer


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
    return subject.CHECKS[0].ask(app.config["SETTINGS"])


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
