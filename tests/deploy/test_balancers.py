"""Two hosts behind the balancers of deploy/, which send each request to another host in turn."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config import Settings
from ordercast import Unhealthy
from ordercast.broker import Broker
from ordercast.doctor.hosts import examinations
from ordercast.live.hosts import Hosts as Directory
from tests.conftest import fresh_database, redis_in
from tests.harness.clients.crowd import Crowd
from tests.harness.people.person import Person, notify
from tests.harness.processes.process import BIN, Process
from tests.harness.processes.service import Service
from tests.harness.processes.workers import owners, workers
from tests.harness.servers.balancers import BALANCERS, PREFIX
from tests.harness.servers.certificates import certify
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

FEW, MANY = 20, 200  # clients
PATH = f"{PREFIX}/socket.io"


class Hosts:
    """Each has a hand-over folder of its own, so their processes meet at private addresses only."""

    def __init__(self, one: Service, two: Service) -> None:
        self.one, self.two = one, two

    def names(self) -> list[set[str]]:
        """In which the ids of sessions end, by host."""
        masters = [host.web.pid for host in (self.one, self.two) if host.web is not None]
        return [set(owners(workers(master))) for master in masters]


@pytest.fixture(scope="module")
def hosts(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hosts]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("hosts")
        url = next(fresh_database(request, "postgres"))
        own = stack.enter_context(redis_in(folder))
        made = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            host = Service(
                folder / name,
                database_url=url,
                redis_url=own.url,
                WEB_CONCURRENCY="2",
                PRIVATE_ADDRESS="127.0.0.1",
                TRUSTED_PROXIES="127.0.0.1",
                MAX_CONNECTIONS_PER_USER="0",
            )
            stack.callback(host.stop)
            host.start_web()
            made.append(host)
        one, two = made
        one.start_worker()
        yield Hosts(one, two)


@pytest.fixture(scope="module")
def balancers(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The URL of the service at each, by the balancer's name."""
    with ExitStack() as stack:
        urls = {}
        for name, start in BALANCERS.items():
            folder = tmp_path_factory.mktemp(name)
            certify(folder)
            addresses = [f"127.0.0.1:{host.port}" for host in (hosts.one, hosts.two)]
            balancer = start(folder, (addresses[0], addresses[1]), folder / "shop.pem")
            stack.callback(balancer.stop)
            urls[name] = balancer.url
        yield urls


@pytest.fixture
def crowd() -> Iterator[Callable[..., Crowd]]:
    """A builder of crowds, who leave at the end."""
    with ExitStack() as stack:

        def make(*args: Any, **options: Any) -> Crowd:
            made = Crowd(*args, **options)
            stack.callback(made.leave)
            return made

        yield make


def served_by(hosts: Hosts, people: Crowd) -> list[int]:
    names = {sid[-8:] for sid in people.sessions().values()}
    return [len(names & of_host) for of_host in hosts.names()]


def come(crowd: Callable[..., Crowd], url: str, count: int, token: str, **options: Any) -> Crowd:
    """A crowd through this balancer, all of whom are connected."""
    origin = url.removesuffix(PREFIX)
    people = crowd(origin, count, token, path=PATH, rejectUnauthorized=False, **options)
    people.wait_all("connect")
    return people


@pytest.mark.parametrize(
    ("name", "transports"),
    [
        ("nginx", ["polling", "websocket"]),
        ("haproxy", ["polling", "websocket"]),
        ("caddy", ["polling", "websocket"]),
        ("nginx", ["polling"]),
        ("haproxy", ["websocket"]),
    ],
)
def test_every_transport_works_without_sticky_sessions(
    hosts: Hosts,
    balancers: dict[str, str],
    crowd: Callable[..., Crowd],
    person_at: Callable[[Service, str], Person],
    name: str,
    transports: list[str],
) -> None:
    alice = person_at(hosts.one, "customer")

    people = come(crowd, balancers[name], FEW, alice.token, transports=transports)
    if len(transports) == 2:
        people.wait_all("upgrade")
    notes = [notify(hosts.two.url, alice.id, title=f"note {number}") for number in range(5)]
    people.wait_all("event", len(notes))

    assert people.troubles() == []
    assert all(told == notes for told in people.payloads("notification").values())
    assert all(served_by(hosts, people))  # both hosts have sessions


@pytest.mark.parametrize("name", BALANCERS)
def test_the_api_is_served_under_a_path_and_metrics_are_not(
    hosts: Hosts, balancers: dict[str, str], name: str
) -> None:
    with httpx.Client(base_url=balancers[name], verify=False) as client:
        answer = client.post("/api/auth/login", json={"email": "nobody@shop.example"})
        assert answer.status_code == 422
        assert client.get("/metrics").status_code == 404
        asked = {"X-Request-ID": f"asked-by-{name}", "X-Forwarded-For": "198.51.100.4"}
        assert client.get("/api/auth/me", headers=asked).status_code == 401
    served = [line for host in (hosts.one, hosts.two) for line in requests(host, "/api/auth/me")]
    assert {line["address"] for line in served} == {"127.0.0.1"}  # ours, not what we claim


def requests(host: Service, path: str) -> list[dict[str, Any]]:
    assert host.web is not None
    return host.web.logged("request", path=path)


def test_the_doctor_reaches_the_processes_of_all_hosts(hosts: Hosts) -> None:
    env = hosts.one.env
    settings = Settings.of(
        {name: env[name] for name in ("REDIS_URL", "PRIVATE_ADDRESS", "JWT_SECRET_KEY")}
    )
    broker = Broker.of(settings)
    [examination] = examinations(settings, broker)

    assert examination.ask() == "4 web process(es) at 1 address(es), each reached from here"

    gone = f"127.0.0.1:{free_port()}"
    directory = Directory(broker)
    directory.announce("nobody__", ("127.0.0.1", int(gone.rpartition(":")[2])))
    with pytest.raises(Unhealthy, match=f"{gone} is not reached from here"):
        examination.ask()
    directory.withdraw("nobody__")


def restart(host: Service) -> None:
    """As a deployment does it: the old processes drain."""
    assert host.web is not None
    assert host.web.stop() == 0
    host.start_web()


def kill(host: Service) -> None:
    """All of its processes at once, and nobody says so to the other host."""
    assert host.web is not None
    for pid in [host.web.pid, *workers(host.web.pid)]:
        os.kill(pid, signal.SIGKILL)
    host.web.kill()
    host.start_web()


def test_a_rolling_restart_and_the_kill_of_a_host_lose_nothing(
    hosts: Hosts,
    balancers: dict[str, str],
    crowd: Callable[..., Crowd],
    person_at: Callable[[Service, str], Person],
) -> None:
    alice = person_at(hosts.one, "customer")
    groups = [
        come(crowd, balancers[name], MANY // 3, alice.token, transports=transports)
        for name, transports in (
            ("nginx", ["polling"]),
            ("haproxy", ["polling", "websocket"]),
            ("caddy", ["websocket"]),
        )
    ]
    notes: list[Any] = []

    for change, host in ((restart, hosts.one), (restart, hosts.two), (kill, hosts.one)):
        other = hosts.two if host is hosts.one else hosts.one
        notes += [notify(other.url, alice.id, title=f"before {len(notes)}") for _ in range(3)]
        change(host)
        notes += [notify(host.url, alice.id, title=f"after {len(notes)}") for _ in range(3)]

    for people in groups:
        people.wait("event", people.count * len(notes))
        told = people.payloads("notification")
        assert {n: told[n] == notes for n in told} == dict.fromkeys(range(people.count), True)


def test_a_connection_without_the_key_gets_nothing_from_a_host(hosts: Hosts) -> None:
    web = hosts.one.web
    assert web is not None
    [*_, said] = web.logged("hosts hand over")
    with socket.create_connection((said["address"], said["port"]), timeout=10) as stranger:
        challenge = stranger.recv(32)
        assert len(challenge) == 32
        stranger.sendall(b"\0" * 32 + b"\0\0\0\x02\0\0\0\x02" + b"{}" + b"GE")
        assert stranger.recv(1) == b""
    wait_until(lambda: web.logged("hand-over of another host refused"), "it is in the log")


def test_an_address_that_is_not_this_hosts_stops_the_start(hosts: Hosts, tmp_path: Path) -> None:
    command = [str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app"]
    env = {**hosts.one.env, "PRIVATE_ADDRESS": "198.51.100.1", "WEB_CONCURRENCY": "1"}
    web = Process([*command, "--bind", f"127.0.0.1:{free_port()}"], env=env, log=tmp_path / "log")

    wait_until(lambda: not web.is_running(), "it has ended")

    assert web.stop() == 3
    assert web.logged("the other hosts cannot reach this one")
