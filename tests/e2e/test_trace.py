"""What happened to an event, asked of a running service: of a client that never reads, through
kill -9 of the web process, and of a client that comes back in another."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

from app.emitters import Emitters, Inbox
from ordercast.broker import Broker
from ordercast.ledger import LedgerReader, ProcessRecord
from tests.harness.clients.framed import Wire, wire
from tests.harness.clients.raw import CONNECT
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

LARGE = "x" * 900_000  # four of them are more than the kernel keeps of one connection


class Asked:
    """A service, the people whom it notifies, and what it is asked afterwards."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._reader = LedgerReader(Broker(service.env["REDIS_URL"]))
        self._emitters = Emitters(Inbox(service.env["REDIS_URL"]).send)

    def notify(self, person: Person, title: str, message: str = "m") -> None:
        note = {"title": title, "message": message, "type": "info"}
        self._emitters.send_notification(person.id, note)

    def trace(self, *question: str) -> Any:
        """What `flask trace` answers."""
        done = self.service.flask("trace", *question, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def receipts(self, offset: int) -> list[dict[str, Any]]:
        [event] = self.trace("event", str(offset))["events"]
        found: list[dict[str, Any]] = event["receipts"]
        return found

    def record(self, pid: int) -> ProcessRecord | None:
        """What the web process has written last."""
        return next((one for one in self._reader.processes() if one.pid == pid), None)

    def has_come_to(self, pid: int, offset: int) -> bool:
        """Whether the process has written that it came so far."""
        record = self.record(pid)
        return record is not None and record.position >= offset

    def has_written(self, pid: int, person: Person) -> bool:
        """Whether a connection of this person is in the ledger, as one of this process."""
        record = self.record(pid)
        found = self._reader.connections(record.name, having=[person.id]) if record else ()
        return any(one.user_id == person.id for one in found)

    def backlog(self, pid: int) -> int:
        """Bytes that wait for clients of the process."""
        record = self.record(pid)
        found = self._reader.connections(record.name) if record else ()
        return sum(one.backlog_bytes for one in found)


def enter(person: Person, client: Wire) -> None:
    client.say(CONNECT + json.dumps({"token": person.token}))
    assert client.hear().startswith(CONNECT)


def offset_of(client: StockClient, title: str) -> int:
    """The offset of the notification with this title, once the client has it."""

    def found() -> list[int]:
        events = client.events("notification")
        return [int(offset) for note, offset in events if note["title"] == title]

    return wait_until(found, f"the notification {title}")[0]


def test_what_happened_to_an_event_is_known_as_far_as_anything_shows_it(
    own_service: Callable[..., Service],
    person_at: Callable[..., Person],
    stock_client: Callable[..., StockClient],
) -> None:
    service = own_service(LEDGER_SECONDS="2", MAX_BACKLOG_BYTES="20000000")
    asked = Asked(service)
    alice, bob, charlie = (person_at(service, "customer") for _ in range(3))
    with wire(service.port, buffer=4096) as frozen:
        enter(charlie, frozen)
        _reads_nothing(asked, charlie)

    client = stock_client(service.url, alice.token, reconnectionDelay=50, reconnectionDelayMax=100)
    client.wait_settled()
    last, kills = _killed_before_it_wrote(asked, client, alice, bob)

    wait_until(lambda: asked.receipts(last - 1)[0]["state"] == "unknown", "it is silent for long")
    [of_bob] = asked.receipts(last - 1)
    assert of_bob["connection"]["user_id"] == bob.id
    assert "its process was killed, or could not write, after" in of_bob["why"]
    [of_alice] = asked.receipts(last)
    assert (of_alice["state"], of_alice["why"]) == ("read", f"came back with {last}")
    [event] = asked.trace("event", str(last))["events"]
    assert [one["progress"] for one in event["processes"]][-1] == "unknown"

    asked.notify(alice, "in another process")
    again = offset_of(client, "in another process")
    pid = service.worker_process()
    wait_until(lambda: asked.has_come_to(pid, again), "it is written")
    connections = asked.trace("user", alice.id)["connections"]
    assert len({one["process"] for one in connections}) == kills + 1
    assert connections[-1]["offset"] == last
    [after] = asked.receipts(again)
    assert (after["state"], after["why"]) == ("sent", "sent, not acknowledged")

    client.tell(emit=["ordercast:ack", str(again)])
    wait_until(lambda: asked.receipts(again)[0]["state"] == "read", "the acknowledgement")


def _reads_nothing(asked: Asked, person: Person) -> None:
    """Of the events of a client that reads nothing it is known that they wait."""
    pid = asked.service.worker_process()
    for _ in range(4):
        asked.notify(person, "large", LARGE)
    wait_until(lambda: asked.backlog(pid), "bytes wait for the client")
    wait_until(lambda: asked.has_come_to(pid, 4), "all are sent")
    [last] = asked.receipts(4)
    assert last["state"] == "sent"
    assert last["why"].startswith("sent, not acknowledged; ")
    assert last["why"].endswith(" bytes wait for the client")


def _killed_before_it_wrote(
    asked: Asked, client: StockClient, alice: Person, bob: Person
) -> tuple[int, int]:
    """Kill the web process when an event for bob, and the next for alice, were sent and not written
    -> the latter's offset, and how many processes were killed. A write may come in between: then
    once more."""
    for kills in range(1, 20):
        pid = asked.service.worker_process()
        with wire(asked.service.port) as gone:
            enter(bob, gone)
            wait_until(lambda pid=pid: asked.has_written(pid, bob), "bob's connection is written")  # type: ignore[misc]
            asked.notify(bob, f"to bob {kills}")
            gone.hear()
            asked.notify(alice, f"to alice {kills}")
            last = offset_of(client, f"to alice {kills}")
            os.kill(pid, signal.SIGKILL)
        client.wait_settled(kills + 1)
        if not asked.has_come_to(pid, last - 1):
            return last, kills
    raise AssertionError("each process wrote between the event and its end")
