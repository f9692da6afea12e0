"""What the sequencers hear of commits."""

from flask import Flask

SILENCE_SECONDS = 0.3  # a ring takes a few milliseconds


class Bell:
    """Of the application's journal."""

    def __init__(self, app: Flask) -> None:
        broker = app.extensions["ordercast"].broker
        self._pubsub = broker.connect(timeout=5).pubsub(ignore_subscribe_messages=True)
        self._pubsub.subscribe(broker.doorbell_channel)
        self._pubsub.get_message(timeout=5)

    def rang(self, seconds: float = 5.0) -> bool:
        """Whether it rings, and all of it."""
        rang = self._pubsub.get_message(timeout=seconds) is not None
        while self._pubsub.get_message(timeout=SILENCE_SECONDS):
            continue
        return rang

    def is_silent(self) -> bool:
        return not self.rang(SILENCE_SECONDS)

    def close(self) -> None:
        self._pubsub.close()
