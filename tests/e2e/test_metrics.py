"""Metrics with several processes: sums that are true, on ports of their own."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ordercast.monitoring.folder import MASTERS
from tests.conftest import fresh_database, redis_in
from tests.harness.clients import loopback
from tests.harness.clients.raw import CONNECT, introduce, raw_websocket
from tests.harness.people.person import Person
from tests.harness.processes.gunicorn import Gunicorn
from tests.harness.processes.process import BIN, Process, environment
from tests.harness.processes.service import START_SECONDS, Service
from tests.harness.processes.workers import workers
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until
from tools.machine import program

ALONE = "metrics are of this process alone, and not of all that gunicorn has"
FAN_OUT = "ordercast_commit_to_fan_out_seconds"
CLOCK = "ordercast_database_clock_ahead_seconds"
LAG = "ordercast_follower_lag_events"
POSITION = "ordercast_follower_position"
SEQUENCED, CONNECTIONS = "ordercast_events_sequenced_total", "ordercast_connections"
REQUESTS = "ordercast_http_seconds_count"


class Host(Service):
    """Two web processes, and two workers, with ports of their own for metrics."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.web_port, self.worker_port = free_port(), free_port()
        super().__init__(
            folder,
            WEB_CONCURRENCY="2",
            METRICS_PORT=str(self.web_port),
            WORKER_PORT=str(self.worker_port),
            CANARY_SECONDS="0.5",
            **variables,
        )

    def begin(self) -> "Host":
        self.start()
        assert self.worker is not None
        self.workers: list[Process] = [self.worker, self.start_worker()]
        return self

    def has_begun(self) -> bool:
        ports = self.web_port, self.worker_port
        return all(total(port, "ordercast_processes") == 2 for port in ports)

    def end(self) -> None:
        self.stop()
        for worker in self.workers:
            if worker.is_running():
                worker.stop()


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    for url in fresh_database(request, "sqlite"):
        with redis_in(folder) as own:
            host = Host(folder, database_url=url, redis_url=own.url)
            try:
                host.begin()
                wait_until(host.has_begun, "all processes have begun", seconds=START_SECONDS)
                yield host
            finally:
                host.end()


def read(port: int) -> dict[str, list[tuple[dict[str, str], float]]]:
    """What a port says -> {name of a series: [(labels, value), ...]}."""
    text = loopback.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(port: int, name: str, **labels: str) -> float:
    return sum(
        value for named, value in read(port).get(name, []) if labels.items() <= named.items()
    )


def ask(service: Host, count: int) -> None:
    for _ in range(count):  # each over a connection of its own: any of the processes answers
        assert loopback.get(f"{service.url}/healthz").status_code == 200


def test_counters_of_all_processes_add_up_and_never_go_back(service: Host) -> None:
    def counted() -> float:
        return total(service.web_port, REQUESTS, route="/healthz")

    before = counted()
    seen = []
    for _ in range(10):
        ask(service, 3)
        seen.append(counted() - before)
    assert seen == [3.0 * number for number in range(1, 11)]


def test_the_public_port_has_no_metrics_then_and_theirs_have_health_too(service: Host) -> None:
    assert loopback.get(f"{service.url}/metrics").status_code == 404
    for port in (service.web_port, service.worker_port):
        url = f"http://127.0.0.1:{port}"
        assert loopback.get(f"{url}/healthz").json() == {"status": "ok"}
        assert loopback.get(f"{url}/nothing").status_code == 404
        ready = loopback.get(f"{url}/readyz", timeout=10)
        assert (ready.status_code, ready.json()["status"]) == (200, "ok"), ready.text


def test_what_the_workers_count_is_seen_whichever_of_them_works(
    service: Host, alice: Person, bob: Person
) -> None:
    before = total(service.worker_port, SEQUENCED)
    product = bob.offers(stock=100)
    for _ in range(5):
        alice.orders(product)

    def grown() -> bool:
        return total(service.worker_port, SEQUENCED) == before + 10

    wait_until(grown, "each order is two events")


def test_a_worker_that_is_killed_leaves_its_counts_and_its_port_to_another(
    service: Host, alice: Person, bob: Person
) -> None:
    before = total(service.worker_port, SEQUENCED)
    first, second = service.workers
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    product = bob.offers(stock=100)
    alice.orders(product)

    def grown() -> bool:
        try:
            return total(service.worker_port, SEQUENCED) == before + 2
        except httpx.TransportError:
            return False

    wait_until(grown, "the other worker answers, with the counts of both")
    assert second.is_running()
    service.workers[0] = service.start_worker()


def test_a_web_process_that_is_killed_leaves_its_counts_and_no_ghost(
    service: Host, alice: Person, bob: Person
) -> None:
    assert service.web is not None
    alice.orders(bob.offers())
    with ExitStack() as stack:
        for _ in range(6):
            client = stack.enter_context(raw_websocket(service.url))
            client.say(introduce(alice.token))
            client.hear_json(CONNECT)
        wait_until(lambda: total(service.web_port, CONNECTIONS) == 6, "all are connected")
        counted = total(service.web_port, REQUESTS, route="/healthz")
        killed = workers(service.web.pid)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

        def begun() -> bool:
            assert service.web is not None
            return len(workers(service.web.pid)) == 2 and not set(killed) & set(
                workers(service.web.pid)
            )

        wait_until(begun, "others have begun")
        wait_until(lambda: total(service.web_port, POSITION) > 0, "they follow the journal")
        assert total(service.web_port, CONNECTIONS) == 0
        assert total(service.web_port, REQUESTS, route="/healthz") == counted
        processes = {labels["process"] for labels, _ in read(service.web_port)[POSITION]}
        assert processes == {"0", "1"}


def test_on_a_silent_night_each_process_measures_how_long_an_event_takes(service: Host) -> None:
    def measured() -> float:
        return total(service.web_port, f"{FAN_OUT}_count")

    before = measured()
    wait_until(lambda: measured() >= before + 4, "two canaries came to two processes")
    seconds = total(service.web_port, f"{FAN_OUT}_sum") / measured()
    assert 0 < seconds < 60
    wait_until(
        lambda: {labels["process"] for labels, _ in read(service.web_port)[CLOCK]} == {"0", "1"},
        "both have asked for the database's time",
    )


def test_the_series_of_several_processes_are_complete_and_well_named(
    service: Host, alice: Person, bob: Person
) -> None:
    promtool = program("promtool")
    assert promtool is not None, "python -m tools.machine installs it"
    alice.orders(bob.offers())
    for port in (service.web_port, service.worker_port):
        text = loopback.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
        done = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert total(port, "ordercast_journal_head") >= 2
        assert total(port, "ordercast_database_pool_max_connections") > 0
    wait_until(lambda: total(service.web_port, LAG) == 0, "both processes have come to the head")
    assert {labels["process"] for labels, _ in read(service.web_port)[LAG]} == {"0", "1"}
    assert POSITION not in read(service.worker_port)  # workers do not follow


def test_a_master_removes_its_folder_at_its_end(tmp_path: Path) -> None:
    server = Gunicorn("tests.conformance.server:app", tmp_path)
    opened = Path(f"/proc/{server.process.pid}/fd")
    links = [os.readlink(descriptor) for descriptor in opened.iterdir()]
    [folder] = [Path(link) for link in links if Path(link).name.startswith(MASTERS)]
    assert (folder / "counter_0.db").exists()
    server.stop()
    assert not folder.exists()


def test_under_another_configuration_a_process_answers_for_itself_and_says_so(
    tmp_path: Path, sqlite_url: str, redis_server: RedisServer
) -> None:
    port = free_port()
    command = [str(BIN / "gunicorn"), "-c", os.devnull, "-k", "ordercast.transport.worker.Worker"]
    command += ["-w", "2", "--bind", f"127.0.0.1:{port}", "wsgi:app"]
    env = environment(DATABASE_URL=sqlite_url, REDIS_URL=redis_server.url)
    process = Process(command, env=env, log=tmp_path / "log")
    try:
        wait_until(lambda: answers(port), "it answers", seconds=START_SECONDS)
        assert total(port, "ordercast_processes") == 1
        wait_until(lambda: process.logged(ALONE), "the log says so")
    finally:
        process.stop()


def answers(port: int) -> bool:
    try:
        return loopback.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_port_for_metrics_that_another_program_has_stops_the_start(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = str(other.getsockname()[1])
        env = environment(PORT=str(free_port()), METRICS_PORT=port)
        command = [str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app"]
        process = Process(command, env=env, log=tmp_path / "log")
        assert process.wait() == 3, process.output()
    assert f"ordercast: METRICS_PORT is wrong: {port} cannot be listened on" in process.output()


def test_a_team_with_a_folder_of_its_own_keeps_it(
    tmp_path: Path, own_service: Callable[..., Service]
) -> None:
    """As prometheus-client's documents describe it: by process id, without a slot."""
    folder = tmp_path / "team"
    folder.mkdir()
    web = own_service(PROMETHEUS_MULTIPROC_DIR=str(folder))
    pid = web.worker_process()
    assert (folder / f"counter_{pid}.db").exists()
    assert web.metric(CONNECTIONS) == 0
    os.kill(pid, signal.SIGKILL)
    gauges = folder / f"gauge_livesum_{pid}.db"
    wait_until(lambda: not gauges.exists(), "the gauges of the process that has ended are gone")
    assert (folder / f"counter_{pid}.db").exists()
    web.stop()
    assert folder.exists()
