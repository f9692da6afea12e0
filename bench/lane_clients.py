"""One offset per client: clients of several lanes' journals that come back again and again with the
last offset alone, while many threads append and each lane has a sequencer of its own."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import orjson

from bench.lane import Lane, Lanes, event

WRITERS, PEOPLE = 4, 40
EVERYBODY = "everybody"  # a room that is nobody's own
PAGE_EVENTS = (1, 20)
SHARED_EVERY = 25  # transactions: one of them has an event to a room of everybody


@dataclass
class Client:
    """A customer who is a seller too, in two rooms of its own and in that of everybody. `offset` is
    all that it keeps."""

    receiver: str
    lane: Lane
    offset: int = 0
    received: list[tuple[int, int, int]] = field(default_factory=list)  # position, writer, number

    @property
    def rooms(self) -> list[str]:
        return [f"user:{self.receiver}", f"seller:{self.receiver}", EVERYBODY]

    def read(self, most: int) -> bool:
        """Come back with the offset, get a few events, and be cut -> whether there was one."""
        entries = self.lane.journal.since(self.offset, rooms=self.rooms, limit=most)
        for entry in entries:
            payload = orjson.loads(entry.data)
            self.received.append((entry.position, payload["writer"], payload["number"]))
            self.offset = entry.position
        return bool(entries)


class Writer(threading.Thread):
    """Commits orders: an event to the customer and one to the seller, mostly of two lanes, in one
    transaction. `sent` are the numbers of each room, in the order of the commits."""

    def __init__(self, lanes: Lanes, number: int, transactions: int) -> None:
        super().__init__(name=f"writer {number}")
        self.sent: dict[str, list[int]] = {}
        self._lanes = lanes
        self._writer = number
        self._transactions = transactions
        self._dice = random.Random(number)

    def run(self) -> None:
        for number in range(self._transactions):
            customer, seller = self._dice.sample(range(PEOPLE), 2)
            rooms = [f"user:{customer}", f"seller:{seller}"]
            if number % SHARED_EVERY == 0:
                rooms.append(EVERYBODY)
            self._lanes.append(
                event(room, writer=self._writer, number=3 * number + place)
                for place, room in enumerate(rooms)
            )
            for place, room in enumerate(rooms):
                self.sent.setdefault(room, []).append(3 * number + place)


def check(lanes: Lanes, transactions: int) -> dict[str, int]:
    """-> {transactions, deliveries, clients, lost, doubled, out of order}."""
    stop = threading.Event()
    sequencing = [threading.Thread(target=_sequence, args=(lane, stop)) for lane in lanes.lanes]
    writers = [Writer(lanes, number, transactions // WRITERS) for number in range(WRITERS)]
    clients = [Client(str(one), lanes.of(f"user:{one}")[0]) for one in range(PEOPLE)]
    for thread in (*sequencing, *writers):
        thread.start()
    dice = random.Random(0)
    while any(writer.is_alive() for writer in writers):
        dice.choice(clients).read(dice.randint(*PAGE_EVENTS))
    stop.set()
    for thread in sequencing:
        thread.join()
    for client in clients:
        while client.read(dice.randint(*PAGE_EVENTS)):
            continue
    return {"transactions": transactions, **_counted(clients, writers)}


def _sequence(lane: Lane, stop: threading.Event) -> None:
    sequencer = lane.sequencer()
    while True:
        is_last = stop.is_set()
        while sequencer.step():
            continue
        if is_last:
            return
        time.sleep(0.005)


def _counted(clients: Sequence[Client], writers: Sequence[Writer]) -> dict[str, int]:
    found = {"clients": len(clients), "deliveries": 0, "lost": 0, "doubled": 0, "out of order": 0}
    for client in clients:
        found["deliveries"] += len(client.received)
        positions = [position for position, _, _ in client.received]
        found["out of order"] += sum(b <= a for a, b in pairwise(positions))
        for number, writer in enumerate(writers):
            got = [given for _, by, given in client.received if by == number]
            due = sorted(one for room in client.rooms for one in writer.sent.get(room, ()))
            times = Counter(got)
            found["lost"] += len(set(due) - times.keys())
            found["doubled"] += sum(count - 1 for count in times.values())
            # One writer commits one transaction after the other.
            found["out of order"] += got != sorted(got)
    return found
