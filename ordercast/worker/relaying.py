"""The loop of the relay, which leaves the lead to another worker at its end."""

import logging
import threading

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from ordercast.emits.relay import STEP_SECONDS, Relay
from ordercast.journal import Journal
from ordercast.worker.loop import Loop

logger = logging.getLogger(__name__)
LONGEST_SECONDS = 1.0  # between tries: others take the lead from a worker that is late


class RelayLoop(Loop):
    """`wake` is set when an emit was heard."""

    def __init__(
        self,
        app: Flask,
        relay: Relay,
        *,
        journal: Journal,
        stop: threading.Event,
        wake: threading.Event,
    ) -> None:
        super().__init__(
            app,
            "relay",
            relay.step,
            STEP_SECONDS,
            journal=journal,
            stop=stop,
            wake=wake,
            longest=LONGEST_SECONDS,
        )
        self._relay = relay

    def start(self) -> None:
        self._relay.start()
        super().start()

    def run(self) -> None:
        super().run()
        try:
            self._relay.resign()
        except SQLAlchemyError as exc:
            logger.warning("the lead of the relay was not left", exc_info=exc)
