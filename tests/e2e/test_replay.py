"""What a client missed comes in pieces, as it takes them, however much it is and however slow the
client: it counts for no limit, and what comes live meanwhile waits behind it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from app.emitters import Emitters, Inbox
from tests.conftest import fresh_database, redis_in
from tests.e2e.test_recovery_defects import let_others_be_busy
from tests.harness.clients import loopback
from tests.harness.clients.poller import Poller
from tests.harness.clients.raw import CLOSE
from tests.harness.clients.recovering import RecoveringClient
from tests.harness.clients.stock import StockClient
from tests.harness.clients.wire import SOCKET, connected, upgrade
from tests.harness.faults.proxy import Proxy
from tests.harness.people.person import Person, claim, signed
from tests.harness.processes.service import Service
from tests.harness.processes.workers import megabytes
from tests.harness.waiting import wait_until

AT = Callable[[Service, str], Person]
NODE = Callable[..., StockClient]
NETWORK = Callable[[Service], Proxy]
OWN = Callable[..., Service]
TRANSPORTS = [["polling"], ["polling", "websocket"], ["websocket"]]


@pytest.fixture(scope="module", params=["memory", "journal"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """On SQLite it remembers what was missed, on PostgreSQL it has to read it: `bury`."""
    kind = "sqlite" if request.param == "memory" else "postgres"
    for url in fresh_database(request, kind):
        folder = tmp_path_factory.mktemp("replay")
        with redis_in(folder) as own:
            service = Service(folder, database_url=url, redis_url=own.url)
            service.start()
            yield service
            service.stop()


def bury(service: Service) -> str:
    """Others have so many events that no memory is left of those before -> where these are."""
    if service.env["DATABASE_URL"].startswith("sqlite"):
        return "memory"
    let_others_be_busy(service)
    return "journal"


def outcome(service: Service, name: str) -> float:
    """How many recoveries ended so."""
    wanted = f'ordercast_recoveries_total{{outcome="{name}"}} '
    lines = loopback.get(f"{service.url}/metrics").text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(wanted))


class Notes:
    """Notes for somebody, of a size."""

    def __init__(self, service: Service, person_id: str) -> None:
        self.sent: list[Any] = []
        self._service, self._id = service, person_id
        self._emitters = Emitters(Inbox(service.env["REDIS_URL"]).send)

    def send(self, count: int, size: int = 10) -> None:
        """Return when they are fanned out: a witness has them."""
        service = self._service
        witness = RecoveringClient(service.url, signed(sub=self._id))
        with witness.opened():
            witness.read()
            for number in range(count):
                note = {"title": str(len(self.sent)), "message": "x" * size, "type": "info"}
                self.sent.append(note)
                self._emitters.send_notification(self._id, note)
                if number >= 5:  # it must not be too slow itself
                    witness.read()
            witness.read(min(count, 5))


@pytest.fixture
def reader(service: Service, person_at: AT) -> Poller:
    """Somebody who has polled once, and is away."""
    alice = person_at(service, "customer")
    poller = Poller(service.url, signed(sub=alice.id)).connect()
    poller.poll()
    poller.say(CLOSE)
    return poller


@pytest.fixture
def notes(service: Service, reader: Poller) -> Notes:
    return Notes(service, claim(reader.token, "sub"))


@pytest.mark.parametrize("transports", TRANSPORTS, ids="-".join)
@pytest.mark.parametrize(("count", "size"), [(300, 5_000), (150, 60_000)])
def test_a_client_that_missed_much_is_recovered_at_once(
    service: Service,
    person_at: AT,
    stock_client: NODE,
    network: NETWORK,
    transports: list[str],
    count: int,
    size: int,
) -> None:
    alice = person_at(service, "customer")
    notes = Notes(service, alice.id)
    wifi = network(service)
    client = stock_client(wifi.url, alice.token, transports=transports)
    client.wait_settled()
    wifi.down()
    client.wait("disconnect")
    notes.send(count, size)
    source = bury(service)
    before = outcome(service, source)
    wifi.up()

    client.wait_event("notification", count)
    notes.send(3)
    client.wait_event("notification", count + 3)
    assert [arguments[0] for arguments in client.events()] == notes.sent
    assert client.offsets() == sorted(set(client.offsets()))
    assert [line["recovered"] for line in client.all("connect")] == [False, True]
    assert outcome(service, source) == before + 1


def test_what_comes_live_waits_behind_it(service: Service, reader: Poller, notes: Notes) -> None:
    notes.send(100, 5_000)
    bury(service)
    reader.connect().poll()
    assert reader.recovered
    assert 0 < len(reader.events) < 50
    notes.send(20, 5_000)
    reader.poll_until(120)
    assert reader.events == notes.sent
    assert reader.offsets == sorted(set(reader.offsets))
    notes.send(1)
    reader.poll_until(121)
    assert reader.events == notes.sent


def test_it_goes_on_where_the_client_upgrades_in_the_middle(
    service: Service, reader: Poller, notes: Notes
) -> None:
    notes.send(100, 5_000)
    bury(service)
    reader.connect().poll()
    assert 0 < len(reader.events) < 50
    query = {"EIO": "4", "transport": "websocket", "sid": reader.sid}
    with connected(service.port, SOCKET, **query) as connection:
        upgrade(connection)
        notes.send(2)
        while len(reader.events) < 102:
            packet = connection.recv(timeout=10)
            assert isinstance(packet, str)
            if packet.startswith("42"):
                reader.take(packet)
    assert reader.events == notes.sent


def test_a_client_that_leaves_in_the_middle_is_interrupted_and_not_recovered(
    service: Service, reader: Poller, notes: Notes
) -> None:
    notes.send(100, 5_000)
    source = bury(service)
    for times in (1, 2, 3):
        before = outcome(service, "interrupted"), outcome(service, source)
        reader.connect().poll()
        assert reader.recovered
        reader.say(CLOSE)
        wait_until(lambda: outcome(service, "interrupted") == before[0] + 1, "it is counted")  # noqa: B023
        assert outcome(service, source) == before[1]
        assert len(reader.events) in range(10 * times, 100)  # it comes forward
    reader.connect().poll_until(100)
    assert reader.events == notes.sent
    wait_until(lambda: outcome(service, source) == before[1] + 1, "it is counted")


@pytest.mark.parametrize("transports", TRANSPORTS, ids="-".join)
def test_too_many_bytes_are_not_recovered_and_say_so(
    own_service: OWN, person_at: AT, stock_client: NODE, network: NETWORK, transports: list[str]
) -> None:
    service = own_service(RECOVERY_MAX_BYTES="100000")
    alice = person_at(service, "customer")
    notes = Notes(service, alice.id)
    wifi = network(service)
    client = stock_client(wifi.url, alice.token, transports=transports)
    for size, recovered in ((4_000, True), (6_000, False)):
        client.wait_settled(len(client.all("connect")) or 1)
        wifi.down()
        client.wait("disconnect", len(client.all("connect")))
        notes.send(20, size)
        wifi.up()
        connects = len(client.all("disconnect")) + 1
        assert client.wait("connect", connects)["recovered"] is recovered
        if recovered:  # or the network goes down in the middle of it
            client.wait_event("notification", len(notes.sent))
    notes.send(1)
    client.wait_event("notification", 21)
    heard = [arguments[0] for arguments in client.events()]
    assert heard == notes.sent[:20] + notes.sent[-1:]
    assert outcome(service, "too_large") == 1


def test_a_client_too_slow_for_what_comes_live_comes_forward_each_time(
    own_service: OWN, person_at: AT
) -> None:
    """MAX_BACKLOG_BYTES is less than two events."""
    service = own_service(MAX_BACKLOG_BYTES="8000")
    alice = person_at(service, "customer")
    reader = Poller(service.url, alice.token).connect()
    reader.poll()
    reader.say(CLOSE)
    notes = Notes(service, alice.id)
    notes.send(100, 5_000)
    closed = 'ordercast_connections_closed_total{why="slow"}'
    slow = 0
    while not reader.events or reader.events != notes.sent:
        before = len(reader.events)
        reader.connect()
        reader.poll()
        assert reader.recovered
        assert len(reader.events) > before
        if len(notes.sent) < 110:
            notes.send(2, 5_000)  # and it has not polled since
            slow += 1
            assert service.metric(closed) == slow
            while reader.poll() not in ([CLOSE], []):
                continue
        else:
            reader.poll_until(len(notes.sent))
    assert slow == 5
    assert reader.offsets == sorted(set(reader.offsets))


def test_a_hundred_that_never_read_cost_one_piece_each_and_nobody_else_anything(
    own_service: OWN, person_at: AT
) -> None:
    service = own_service(MAX_CONNECTIONS_PER_USER="0", RECOVERY_MAX_BYTES="0")
    alice = person_at(service, "customer")
    clients = [RecoveringClient(service.url, alice.token) for _ in range(100)]
    for client in clients:
        with client.opened():
            client.read()
    notes = Notes(service, alice.id)
    notes.send(300, 60_000)
    before = megabytes(service.worker_process())
    with ExitStack() as stack:
        for client in clients:
            stack.enter_context(client.opened())
        wait_until(lambda: service.metric("ordercast_connections") >= 100, "all are connected")
        notes.send(5)  # a witness gets them
        assert megabytes(service.worker_process()) - before < 60
        clients[0].read(306)
        assert clients[0].recovered
        assert [arguments[0] for _, arguments in clients[0].events] == notes.sent
