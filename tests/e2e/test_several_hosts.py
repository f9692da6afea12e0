"""Two hosts behind a balancer that sends each request to the other one in turn."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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
from tests.harness.servers.nginx import Nginx
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

CLIENTS = 30
ROUND_ROBIN = """
map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
upstream shop {{ server 127.0.0.1:{one}; server 127.0.0.1:{two}; }}
server {{
  listen 127.0.0.1:{port};
  location / {{
    proxy_pass http://shop;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
  }}
}}
"""


class Hosts:
    """Each has a hand-over folder of its own, so their processes meet at private addresses only."""

    def __init__(self, one: Service, two: Service, url: str) -> None:
        self.one, self.two, self.url = one, two, url

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
        proxy = Nginx(folder, ROUND_ROBIN, one=one.port, two=two.port)
        stack.callback(proxy.stop)
        yield Hosts(one, two, proxy.url)


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


@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"], ["websocket"]])
def test_every_transport_works_without_sticky_sessions(
    hosts: Hosts,
    crowd: Callable[..., Crowd],
    person_at: Callable[[Service, str], Person],
    transports: list[str],
) -> None:
    alice = person_at(hosts.one, "customer")

    people = crowd(hosts.url, CLIENTS, alice.token, transports=transports)
    people.wait_all("connect")
    if transports == ["polling", "websocket"]:
        people.wait_all("upgrade")
    notes = [notify(hosts.two.url, alice.id, title=f"note {number}") for number in range(5)]
    people.wait_all("event", len(notes))

    assert people.troubles() == []
    assert all(told == notes for told in people.payloads("notification").values())
    assert all(served_by(hosts, people))  # both hosts have sessions


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
    crowd: Callable[..., Crowd],
    person_at: Callable[[Service, str], Person],
) -> None:
    alice = person_at(hosts.one, "customer")
    groups = [
        crowd(hosts.url, CLIENTS // 3, alice.token, transports=transports)
        for transports in (["polling"], ["polling", "websocket"], ["websocket"])
    ]
    for people in groups:
        people.wait_all("connect")
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
