"""Starting, reloading and stopping the processes, and what each says when it cannot."""

import os
import resource
import shlex
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.conftest import fresh_database
from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.faults.tables import locked, wait_for_held
from tests.harness.people.person import register
from tests.harness.processes.process import BIN, FLASK, ROOT, Process, environment, flask
from tests.harness.processes.service import Service
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
GUNICORN = (str(BIN / "gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app")
COMMANDS = {"gunicorn": GUNICORN, "worker": (*FLASK, "worker")}
STRONG = "0123456789abcdef" * 4

BAD = {
    "JWT_SECRET_KEY": "",
    "PORT": "eighty",
    "PING_INTERVAL": "-1",
    "MAX_CONNECTIONS": "many",
    "REDIS_URL": "http://localhost",
}


@pytest.fixture
def service(sqlite_url: str, redis_server: RedisServer, tmp_path: Path) -> Iterator[Service]:
    """Not started; to be stopped and started by the test."""
    service = Service(
        tmp_path,
        database_url=sqlite_url,
        redis_url=redis_server.url,
        MAX_CONNECTIONS="100",
        JWT_SECRET_KEY=STRONG,
    )
    yield service
    service.stop()


@pytest.fixture
def other_database(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request, "sqlite")


def tidy_environment(tmp_path: Path, **variables: str) -> dict[str, str]:
    """With a home and a run-time folder of its own, to see what is left there; on a free port."""
    home, runtime = tmp_path / "home", tmp_path / "runtime"
    for folder in (home, runtime):
        folder.mkdir(exist_ok=True)
    places = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "PORT": str(free_port())}
    return environment(**{**places, "REDIS_URL": "redis://127.0.0.1:1/0", **variables})


@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        *(("gunicorn", {name: text}) for name, text in BAD.items()),
        ("gunicorn", {"PORT": "70000"}),
        ("gunicorn", BAD),
        ("worker", {"JWT_SECRET_KEY": ""}),
        ("worker", BAD),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line_that_names_it(
    tmp_path: Path, program: str, wrong: Mapping[str, str]
) -> None:
    env = tidy_environment(tmp_path, **wrong)

    process = Process(COMMANDS[program], env=env, log=tmp_path / "log")
    code = process.wait()

    assert code not in (0, -signal.SIGTERM)
    (line,) = process.output().splitlines()
    assert line.startswith("ordercast: ")
    assert all(name in line for name in wrong)


def test_the_procfile_from_nothing_to_a_clean_end(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """Its three commands, in its order, with every warning an error; then SIGTERM."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    commands = {
        name: shlex.split(command) for name, _, command in (x.partition(":") for x in lines)
    }
    assert list(commands) == ["release", "web", "worker"]
    env = tidy_environment(
        tmp_path,
        DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}",
        REDIS_URL=redis_server.url,
        PYTHONWARNINGS="error",
    )
    url = f"http://127.0.0.1:{env['PORT']}"

    def start(name: str) -> Process:
        return Process(commands[name], env=env, log=tmp_path / f"{name}.log")

    release = start("release")
    assert release.wait() == 0, release.output()
    web, worker = start("web"), start("worker")
    try:
        wait_until(lambda: worker.logged("worker started"), "the worker runs")
        wait_until(lambda: is_ready(url), "the web process is ready")
    finally:
        codes = web.stop(), worker.stop()

    assert codes == (0, 0)
    for process in (release, web, worker):
        assert "Warning" not in process.output()
        assert "Traceback" not in process.output()
    # gunicorn's control socket would be in one of these, shared by all of a user's services.
    assert [*(tmp_path / "home").rglob("*"), *(tmp_path / "runtime").rglob("*")] == []


def is_ready(url: str) -> bool:
    try:
        return loopback.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_sigterm_ends_the_worker_between_two_steps(service: Service, stock_client: NODE) -> None:
    """An event committed a moment before is sequenced, or waits for the next worker: the head and
    the positions change together."""
    service.start()
    alice, bob = register(service.url, "customer"), register(service.url, "seller")
    seller = stock_client(service.url, bob.token)
    seller.wait("connect")
    enough, placed = threading.Event(), []
    with closing(alice.http), closing(bob.http):
        tea = bob.offers(stock=1000, lowStockThreshold=0)

        def order_steadily() -> None:
            while not enough.wait(0.05):
                placed.append(alice.orders(tea)["id"])

        stream = threading.Thread(target=order_steadily)
        stream.start()
        try:
            for _ in range(3):
                count = len(placed) + 5
                wait_until(partial(lambda most: len(placed) >= most, count), "orders are placed")
                assert service.worker is not None
                assert service.worker.stop() == 0
                assert service.worker.logged("worker stopped")
                assert_no_half_step(service)
                service.start_worker()
        finally:
            enough.set()
            stream.join()

    seller.wait_event("order:new", len(placed))
    assert [payload["id"] for payload, _ in seller.events()] == placed
    assert seller.offsets() == list(range(2, 2 * len(placed) + 1, 2))  # an order is two events


def assert_no_half_step(service: Service) -> None:
    path = service.env["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        (head,) = database.execute("SELECT position FROM ordercast_head").fetchone()
        given = "SELECT position FROM ordercast_events WHERE position IS NOT NULL ORDER BY position"
        assert [row[0] for row in database.execute(given)] == list(range(1, head + 1))


def test_hup_loads_anew_and_sigterm_ends_the_web_process(
    service: Service, stock_client: NODE
) -> None:
    service.start()
    web = service.web
    assert web is not None
    alice, bob = register(service.url, "customer"), register(service.url, "seller")
    clients = [
        stock_client(service.url, bob.token, transports=[transport])
        for transport in ("websocket", "polling")
    ]
    for client in clients:
        client.wait("connect")
    before = service.worker_process()

    os.kill(web.pid, signal.SIGHUP)

    def another_serves() -> bool:
        assert loopback.get(f"{service.url}/healthz").status_code == 200  # all the time
        children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()
        return len(children) == 1 and str(before) not in children

    wait_until(another_serves, "a new worker process serves alone")
    for client in clients:
        client.wait("connect", 2)
    with closing(alice.http), closing(bob.http):
        order = alice.orders(bob.offers())
    for client in clients:
        assert client.wait_event("order:new")[0] == order

    # With both clients still connected.
    assert web.stop() == 0
    for client in clients:
        assert client.wait("disconnect", 2)["active"]  # they will come back


def examined(service: Service, **variables: str) -> tuple[int, str]:
    """`flask doctor` -> the exit code and what it says."""
    done = flask("doctor", env={**service.env, **variables})
    return done.returncode, done.stdout


def test_the_doctor_finds_a_running_service_healthy(service: Service) -> None:
    service.start()

    code, text = examined(service)

    assert code == 0, text
    assert all(line.startswith("ok  ") for line in text.splitlines())
    assert {line.removeprefix("ok    ").partition(":")[0] for line in text.splitlines()} == {
        *(
            "database",
            "tables",
            "migrations",
            "connections",
            "redis",
            "redis memory",
            "redis neighbours",
            "secrets",
        ),
        *("file limit", "clocks", "worker", "journal", "journal entries", "inbox"),
        *("monkey patching", "demo accounts", "issuer", "web"),
    }
    assert service.web is not None
    assert not [line for line in service.web.lines() if line["level"] == "warning"]


def assert_advice(text: str, advice: Mapping[str, str]) -> None:
    """Exactly these checks failed, and each says what to do."""
    lines = text.splitlines()
    failed = [i for i, line in enumerate(lines) if line.startswith("FAIL")]
    assert [lines[i].split(":")[0] for i in failed] == [f"FAIL  {name}" for name in advice]
    for i, words in zip(failed, advice.values(), strict=True):
        assert lines[i + 1].strip().startswith(words)


def test_the_doctor_says_what_to_do_about_weak_limits_and_a_missing_worker(
    service: Service, other_database: str
) -> None:
    """The worker that is heard on this Redis is another database's."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    elsewhere = service.start_worker()

    code, text = examined(
        service,
        DATABASE_URL=other_database,
        JWT_SECRET_KEY="change-this-secret-before-you-deploy",
        MAX_CONNECTIONS=str(files + 1),
    )

    assert elsewhere.is_running()
    assert code == 1
    assert_advice(
        text,
        {
            "secrets": "Make one: python -c 'import secrets; print(secrets.token_hex(32))'",
            "file limit": f"Run `ulimit -Hn {files + 1 + 200}` where the web process starts",
            "worker": "Run: flask --app wsgi worker",
        },
    )


def test_the_doctor_says_what_to_do_without_redis_and_migrations(
    service: Service, tmp_path: Path
) -> None:
    nowhere, empty = f"redis://127.0.0.1:{free_port()}/0", f"sqlite:///{tmp_path / 'empty.db'}"

    code, text = examined(service, REDIS_URL=nowhere)
    assert code == 1
    assert_advice(
        text,
        {
            "redis": "Check REDIS_URL and that Redis runs",
            "redis memory": "Check REDIS_URL and that Redis runs",
            "redis neighbours": "Check REDIS_URL and that Redis runs",
            "worker": "Check REDIS_URL and that Redis runs",
            "inbox": "Check REDIS_URL and that Redis runs",
        },
    )

    code, text = examined(service, DATABASE_URL=empty)
    assert code == 1
    assert_advice(
        text,
        {
            "tables": "Run: flask --app wsgi db upgrade",
            "worker": "Repair the database first.",
            "journal": "Repair the database first.",
            "journal entries": "Repair the database first.",
            "migrations": "Run: flask --app wsgi db upgrade",
        },
    )


def test_a_process_accepts_no_connection_before_it_has_read_the_journal(
    own_service: Callable[..., Service],
) -> None:
    """The race: the clients of a process that was killed connect to the next while this reads the
    journal, and the answers of the database wait for their turn among thousands of them."""
    service = own_service("postgres")
    for process in (service.worker, service.web):
        assert process is not None
        process.stop()
    with ThreadPoolExecutor(1) as pool:
        with locked(service, "ordercast_head"):
            starting = pool.submit(service.start_web)
            wait_for_held(service, "ordercast_head")
            with pytest.raises(httpx.ReadTimeout):
                loopback.get(f"{service.url}/healthz", timeout=0.3)
        assert starting.result().is_running()
