"""gunicorn's own settings: what they do here, or that they do nothing."""

import os
import shlex
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.harness.processes.gunicorn import Gunicorn
from tests.harness.processes.process import BIN, ROOT, Process, environment
from tests.harness.servers.ports import free_port
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

APPLICATION = "tests.conformance.server:app"
OTHERS = (
    "sync",
    "gthread",
    "gevent",
    "gevent_pywsgi",
    "geventwebsocket.gunicorn.workers.GeventWebSocketWorker",
)
HELD = """
import runpy, sys
from gunicorn.util import load_class

for _ in range(2):
    load_class(runpy.run_path("gunicorn.conf.py")["worker_class"])
print(*(name for name in sys.modules if name.partition(".")[0] in ("app", "ordercast")))
"""


def started(tmp_path: Path, *options: str, **variables: str) -> Process:
    """gunicorn with the service, which is expected not to start."""
    env = environment(PORT=str(free_port()), REDIS_URL="redis://127.0.0.1:1/0", **variables)
    command = [str(BIN / "gunicorn"), "wsgi:app", *options]
    process = Process(command, env=env, log=tmp_path / "log")
    assert process.wait() == 3, process.output()
    assert "Traceback" not in process.output(), process.output()
    return process


def test_after_a_hup_the_master_holds_the_transport_and_nothing_else_of_before() -> None:
    """A worker that met the public names of the release before could not start."""
    command = [sys.executable, "-c", HELD]
    env = environment(PORT=str(free_port()))
    shown = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout.split()
    assert shown
    assert {".".join(name.split(".")[:2]) for name in shown} == {"ordercast.transport"}


@pytest.mark.parametrize("other", OTHERS)
def test_another_worker_is_refused_before_anything_listens(tmp_path: Path, other: str) -> None:
    process = started(tmp_path, "-c", "gunicorn.conf.py", "-k", other)
    [line] = [line for line in process.output().splitlines() if line.startswith("ordercast: ")]
    assert "WebSockets need ordercast.transport.worker.Worker" in line
    assert "Listening" not in process.output()


def test_another_worker_is_refused_from_the_environment_too(tmp_path: Path) -> None:
    process = started(tmp_path, GUNICORN_CMD_ARGS="-k gevent")
    assert "ordercast: worker_class is gevent" in process.output()


@pytest.mark.parametrize("other", ["sync", "gevent"])
def test_another_worker_is_refused_with_another_configuration(tmp_path: Path, other: str) -> None:
    bind = f"--bind 127.0.0.1:{free_port()}"
    process = started(tmp_path, "-c", os.devnull, "-k", other, *shlex.split(bind))
    assert (
        "ordercast: WebSockets need worker_class ordercast.transport.worker.Worker"
        in process.output()
    )


def get(server: Gunicorn) -> int:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)) as connection:
        connection.request("GET", "/nothing")
        return connection.getresponse().status


def test_max_requests_replaces_a_process_and_every_request_is_answered(tmp_path: Path) -> None:
    server = Gunicorn(APPLICATION, tmp_path, "--max-requests", "20")
    first = server.worker().pid

    def another() -> bool:
        assert get(server) == 404
        children = server.children()
        return bool(children) and first not in children

    wait_until(another, "another process serves")
    server.stop()


def test_keep_alive_is_how_long_a_connection_may_be_idle(tmp_path: Path) -> None:
    server = Gunicorn(APPLICATION, tmp_path, "--keep-alive", "1")
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)) as connection:
        connection.request("GET", "/nothing")
        connection.getresponse().read()
        assert connection.sock.recv(1) == b""  # long before the 75 s of gunicorn.conf.py
    server.stop()


def test_settings_without_effect_are_named_at_the_start(tmp_path: Path) -> None:
    options = (
        "--threads",
        "4",
        "--limit-request-fields",
        "10",
        "--forwarded-allow-ips",
        "10.0.0.1",
    )
    server = Gunicorn(APPLICATION, tmp_path, *options)
    server.stop()
    line = "Without effect here: threads, limit_request_fields, forwarded_allow_ips"
    assert server.process.output().count(line) == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [(("--proxy-protocol", "auto"), "proxy_protocol"), (("--certfile", "x.pem"), "certfile")],
)
def test_what_cannot_be_done_is_refused(
    tmp_path: Path, options: tuple[str, ...], named: str
) -> None:
    process = started(tmp_path, "-c", "gunicorn.conf.py", *options)
    [line] = [line for line in process.output().splitlines() if line.startswith("ordercast: ")]
    assert named in line
