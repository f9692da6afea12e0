"""However a session ends, its client has got every event once and in order when it is back.

The stock client is frozen while events are sent to it and its session ends: so all of it waits for
the client at once, the events and the end.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from app.emitters import Emitters, Inbox
from tests.conftest import fresh_database, redis_in
from tests.harness.clients import loopback
from tests.harness.clients.crowd import Crowd
from tests.harness.clients.recovering import RecoveringClient
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, claim, notify, signed
from tests.harness.processes.external import run_script
from tests.harness.processes.service import Service
from tests.harness.processes.workers import workers
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
AT = Callable[[Service, str], Person]
TRANSPORTS = [["polling"], ["polling", "websocket"], ["websocket"]]
SETTINGS = {"TOKEN_GRACE": "0.2", "MAX_BACKLOG_BYTES": "50000", "MAX_EVENTS_PER_SECOND": "20"}
COMES_BACK = {"transport close", "transport error"}


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    for url in fresh_database(request, "sqlite"):
        folder = tmp_path_factory.mktemp("endings")
        with redis_in(folder) as own:
            service = Service(folder, database_url=url, redis_url=own.url, **SETTINGS)
            service.start()
            yield service
            service.stop()


class Reader:
    """Somebody's stock client, and every note that was sent to it."""

    def __init__(self, service: Service, person: Person, make: NODE, **options: Any) -> None:
        self.service, self.person = service, person
        self.token = signed(sub=person.id, exp=int(time.time()) + options.pop("lasts", 600))
        self.client = make(service.url, self.token, **options)
        self.session = self.client.wait_settled()
        self.notes: list[Any] = []

    def note(self, count: int = 1) -> None:
        """So many notes for it; return when they were handed to its session."""
        with self.witness() as witness:
            for _ in range(count):
                title = str(len(self.notes))
                self.notes.append(notify(self.service.url, self.person.id, title=title))
            witness.read(count)

    @contextmanager
    def witness(self) -> Iterator[RecoveringClient]:
        """Another client of the same user, which reads."""
        witness = RecoveringClient(self.service.url, signed(sub=self.person.id))
        with witness.opened():
            yield witness.read()

    def wait_gone(self) -> None:
        web = self.service.web
        assert web is not None
        wait_until(lambda: web.logged("disconnected", sid=self.session["sid"]), "its session ends")

    def come_back(self) -> None:
        """With another token, by itself or asked to."""
        self.client.tell(auth={"token": signed(sub=self.person.id)})
        self.client.tell(connect=True)

    def expect_all(self) -> None:
        """It is back, and has every note once, in order; also those from now on."""
        assert self.client.wait_settled(2)["recovered"]
        self.note(2)
        self.client.wait_event("notification", len(self.notes))
        assert [arguments[0] for arguments in self.client.events("notification")] == self.notes
        offsets = self.client.offsets("notification")
        assert offsets == sorted(set(offsets))

    def post(self, body: str) -> int:
        """What its own session says over long-polling -> the status."""
        query = f"EIO=4&transport=polling&sid={self.session['eio']}"
        return loopback.post(f"{self.service.url}/socket.io/?{query}", content=body).status_code


def token_expires(reader: Reader) -> None:
    """TOKEN_GRACE after its last second."""


def token_is_revoked(reader: Reader) -> None:
    reader.service.flask("revoke", "--token", claim(reader.token, "jti"))


def is_disconnected_by_command(reader: Reader) -> None:
    reader.service.flask("disconnect", "--user", reader.person.id)


def is_too_slow(reader: Reader) -> None:
    """More waits for it than its kernel and MAX_BACKLOG_BYTES hold."""
    run_script(
        reader.service.env["REDIS_URL"],
        "for _ in range(60):\n"
        f"    socketio.emit('more', {{'text': 'x' * 200_000}}, to='user:{reader.person.id}')",
    )


def sends_too_much(reader: Reader) -> None:
    reader.post("\x1e".join(['42["hello"]'] * 30))


def sends_nonsense(reader: Reader) -> None:
    reader.post("nonsense")


def leaves_a_half_open_connection(reader: Reader) -> None:
    """Its successor is there, and goes again."""
    offset = reader.client.events()[-1][-1]
    successor = RecoveringClient(
        reader.service.url, reader.token, pid=reader.session["pid"], offset=offset
    )
    with successor.opened():
        assert successor.read().recovered


def is_sent_away(reader: Reader) -> None:
    """A deploy."""
    assert reader.service.web is not None
    os.kill(reader.service.web.pid, signal.SIGHUP)


ENDINGS = [
    is_sent_away,
    token_expires,
    token_is_revoked,
    is_disconnected_by_command,
    is_too_slow,
    sends_too_much,
    sends_nonsense,
    leaves_a_half_open_connection,
]
OVER_POLLING = {sends_too_much, sends_nonsense}
GOOD_BYE = {token_is_revoked, is_disconnected_by_command}


@pytest.mark.parametrize("transports", TRANSPORTS, ids="-".join)
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_client_gets_every_event_once_and_in_order_when(
    service: Service,
    person_at: AT,
    stock_client: NODE,
    ending: Callable[[Reader], None],
    transports: list[str],
) -> None:
    if ending in OVER_POLLING and transports != ["polling"]:
        transports = ["polling"]
    lasts = 5 if ending is token_expires else 600
    alice = person_at(service, "customer")
    reader = Reader(service, alice, stock_client, transports=transports, lasts=lasts)
    reader.note()
    reader.client.wait_event("notification")
    reader.client.freeze()
    try:
        reader.note(5)
        ending(reader)
        reader.wait_gone()
    finally:
        reader.client.thaw()
    told = reader.client.wait("disconnect")
    if ending in GOOD_BYE:
        assert (told["reason"], told["active"]) == ("io server disconnect", False)
        assert len(reader.client.events()) == 6  # all that was sent before the good-bye
    else:
        assert (told["reason"] in COMES_BACK, told["active"]) == (True, True)
        if ending is is_sent_away:  # and the process was there until the client had heard of it
            assert told["reason"] == "transport close"
    reader.come_back()
    reader.expect_all()


def test_a_client_that_answers_no_ping_gets_every_event_once_and_in_order(
    own_service: Callable[..., Service], person_at: AT, stock_client: NODE
) -> None:
    service = own_service(PING_INTERVAL="1", PING_TIMEOUT="2")
    for transports in TRANSPORTS:
        alice = person_at(service, "customer")
        reader = Reader(service, alice, stock_client, transports=transports)
        reader.note()
        reader.client.wait_event("notification")
        reader.client.freeze()
        try:
            reader.note(5)
            reader.wait_gone()
        finally:
            reader.client.thaw()
        reader.client.wait("disconnect")
        reader.expect_all()


class Stream:
    """Notes for somebody, 20 a second, until it is stopped."""

    def __init__(self, service: Service, person: Person) -> None:
        self.notes: list[Any] = []
        self._emitters = Emitters(Inbox(service.env["REDIS_URL"]).send)
        self._person = person
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        while not self._over.wait(0.05):
            note = {"title": str(len(self.notes)), "message": "You", "type": "info"}
            self._emitters.send_notification(self._person.id, note)
            self.notes.append(note)

    def stop(self) -> list[Any]:
        self._over.set()
        self._thread.join()
        return self.notes


def test_a_crowd_gets_every_event_once_and_in_order_through_four_deploys(
    own_service: Callable[..., Service], person_at: AT
) -> None:
    service = own_service(MAX_CONNECTIONS_PER_USER="0")
    alice = person_at(service, "customer")
    assert service.web is not None
    crowds = [
        Crowd(service.url, 50, alice.token, transports=["polling"]),
        Crowd(service.url, 10, alice.token),
    ]
    for crowd in crowds:
        crowd.wait_all("connect")
    crowds[1].wait_all("upgrade")
    stream = Stream(service, alice)
    assert service.web is not None
    master = service.web.pid

    def replaced(before: set[int]) -> bool:
        return before.isdisjoint(workers(master))

    for times in range(1, 5):
        before = set(workers(master))
        os.kill(master, signal.SIGHUP)
        for crowd in crowds:
            crowd.wait("connect", crowd.count * (times + 1))
        wait_until(partial(replaced, before), "the old worker is gone")
    notes = stream.stop()
    for crowd in crowds:
        crowd.wait("event", crowd.count * len(notes))
        for n in range(crowd.count):
            heard = [line["args"][0] for line in crowd.all("event") if line["n"] == n]
            assert heard == notes, (len(heard), len(notes))
        assert all(line["recovered"] for line in crowd.all("connect")[crowd.count :])
        crowd.leave()
