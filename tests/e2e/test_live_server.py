"""ordercast.testing.LiveServer: what it starts it ends, and what does not start says why."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ordercast.testing import LiveServer, NotStarted
from tests.harness.clients import loopback
from tests.harness.processes.process import ROOT


def is_closed(url: str) -> bool:
    """Whether nothing listens there."""
    at = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((at.hostname or "", at.port or 0)) != 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    """One that is not started yet."""
    env = {
        "FLASK_SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/team.db",
        "FLASK_SECRET_KEY": "the-secret-of-another-team-that-is-long-enough",
    }
    server = LiveServer("tests.e2e.options_app:create_app()", env=env, folder=ROOT)
    yield server
    server.stop()  # which removes the logs


def test_all_that_was_started_has_ended_and_the_logs_of_a_block_that_raised_are_kept(
    server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        with server:
            assert loopback.get(f"{server.url}/nothing").status_code == 404
            assert not is_closed(server.redis_url)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert is_closed(server.url)
    assert is_closed(server.redis_url)
    printed = capsys.readouterr().err
    assert server.logs is not None
    for name in ("redis-0", "web", "worker"):
        log = server.logs / f"{name}.log"
        assert f"--- {name} ({log})" in printed
        assert log.exists()


def test_a_web_process_that_does_not_start_says_why_and_the_others_are_ended(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--proxy-protocol")
    with pytest.raises(NotStarted) as caught:
        server.start()
    assert str(caught.value).startswith("web ended with exit code ")
    assert "proxy_protocol: let the balancer send X-Forwarded-For" in str(caught.value)
    assert is_closed(server.redis_url)


def test_it_is_light_to_import() -> None:
    show = "import sys; from ordercast.testing import LiveServer; print('flask' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
