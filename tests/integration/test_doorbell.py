"""The sequencer's ear, which makes it look when it hears nothing too."""

import threading

import pytest

from app import broker
from app.worker.doorbell import Ear
from tests.harness.servers import RedisServer, free_port


class EnoughError(Exception):
    """So often, and the ear may stop."""


class Rung(threading.Event):
    def __init__(self, often: int) -> None:
        super().__init__()
        self._left = often

    def set(self) -> None:
        super().set()
        self._left -= 1
        if not self._left:
            raise EnoughError


def test_without_redis_it_rings_by_itself() -> None:
    rung = Rung(3)
    with pytest.raises(EnoughError):
        Ear(f"redis://127.0.0.1:{free_port()}/0", rung).run()
    assert rung.is_set()


def test_it_rings_when_it_begins_to_listen_and_at_each_ring(redis_server: RedisServer) -> None:
    """What was rung before it listened was not heard."""
    listening = threading.Event()

    def ring() -> None:
        with broker.connect(redis_server.url) as client:
            listening.wait()
            for _ in range(2):
                client.publish(broker.DOORBELL_CHANNEL, b"")

    class Told(Rung):
        def set(self) -> None:
            listening.set()
            super().set()

    rung = Told(3)
    ringing = threading.Thread(target=ring)
    ringing.start()
    with pytest.raises(EnoughError):
        Ear(redis_server.url, rung).run()
    ringing.join()
