"""What a connection's client has joined and left after its connect: its rows in the database."""

import threading
from dataclasses import dataclass, field

from ordercast.joined import MORE, Client


@dataclass(slots=True)
class Late:
    client: Client
    rooms: dict[str, bool] = field(default_factory=dict)  # is it in there; False: it has left
    # Two handlers of a client must not join and leave the same room at once.
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_full(self) -> bool:
        """Whether the client joined more rooms than are kept."""
        return MORE in self.rooms
