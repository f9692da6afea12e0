"""The sequencer's ear."""

import threading
from contextlib import suppress

import pytest

from ordercast.broker import Broker
from ordercast.journal import Ear
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import DEADLINE_SECONDS, wait_until


class EnoughError(Exception):
    """The ear may stop listening."""


class Rung(threading.Event):
    enough = False  # then the next ring is the last

    def set(self) -> None:
        if self.enough:
            raise EnoughError
        super().set()


def test_it_rings_when_it_begins_to_listen_and_hears_each_ring(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What was rung before it listened, nobody heard."""
    rung = Rung()

    def listen() -> None:
        with suppress(EnoughError):
            Ear(Broker(redis_server.url), rung).run()

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    broker = Broker(redis_server.url)
    with broker.connect() as client:
        wait_until(rung.is_set, "it listens")
        for _ in range(3):
            rung.clear()
            client.publish(broker.doorbell_channel, b"")
            wait_until(rung.is_set, "it has heard the ring")
        rung.enough = True
        client.publish(broker.doorbell_channel, b"")
    listening.join(DEADLINE_SECONDS)
    assert not listening.is_alive()
    assert "doorbell not heard" not in caplog.text
