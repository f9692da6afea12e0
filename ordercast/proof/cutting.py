"""The connections of the proof's own clients are cut, again and again. Nobody else's are."""

import random
import threading
from collections.abc import Sequence

from ordercast.proof.client import Client

PAUSE_SECONDS = (0.1, 0.6)  # between two cuts
OFFLINE_SECONDS = (0.0, 1.5)


class Cutter(threading.Thread):
    def __init__(self, clients: Sequence[Client], dice: random.Random) -> None:
        super().__init__(name="cutter", daemon=True)
        self.cut = self.abandoned = 0
        self._clients = clients
        self._dice = dice
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.wait(self._dice.uniform(*PAUSE_SECONDS)):
            client = self._dice.choice(self._clients)
            if self._dice.random() < 0.3:
                client.abandon()
                self.abandoned += 1
            else:
                client.cut(seconds=self._dice.uniform(*OFFLINE_SECONDS))
                self.cut += 1

    def stop(self) -> None:
        self._stop_asked.set()
        if self.is_alive():
            self.join()
