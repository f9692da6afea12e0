"""The wheel, a virtual environment with it, and the team's app running."""

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import once_a_run, redis_in
from tests.harness.clients import loopback
from tests.harness.processes.process import ROOT, Process
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

TEAM = Path(__file__).parent / "team" / "app.py"
OWN = ("flask-sqlalchemy", "pytest")  # what the team's app and its tests need besides
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


class Place:
    """A folder with a team's app, and the commands of its virtual environment."""

    app = TEAM  # the file, with a create_app()
    prefix = "FLASK_"  # of the variables from which the app reads its settings

    def __init__(self, folder: Path, binaries: Path, **config: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.metrics_port, self.worker_port = free_port(), free_port()
        config |= {
            "ORDERCAST_METRICS_PORT": str(self.metrics_port),
            "ORDERCAST_WORKER_PORT": str(self.worker_port),
            "ORDERCAST_CANARY_SECONDS": "0",  # tests count positions
        }
        self._binaries = binaries
        self._env = {
            "PATH": f"{binaries}:{folder}:/usr/bin:/bin",
            "HOME": str(folder),
            "FLASK_APP": "app:create_app",
            "FLASK_SECRET_KEY": "the-secret-of-another-team-that-is-long-enough",
            **{f"{self.prefix}{name}": text for name, text in config.items()},
        }
        self.processes: dict[str, Process] = {}
        shutil.copy(self.app, folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return self._env["FLASK_SQLALCHEMY_DATABASE_URI"]

    @property
    def redis_url(self) -> str:
        return self._env["FLASK_ORDERCAST_REDIS_URL"]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command of the environment, to its end."""
        first, *rest = command
        return subprocess.run(
            [str(self._binaries / first), *rest],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, name: str, *command: str) -> Process:
        first, *rest = command
        binary = str(self._binaries / first)
        log = self.folder / f"{name}.log"
        process = Process([binary, *rest], env=self._env, log=log, folder=self.folder)
        self.processes[name] = process
        return process

    @contextmanager
    def running(self) -> Iterator[None]:
        """Two web processes and a worker, on the library's tables."""
        upgraded = self.run("flask", "ordercast", "upgrade")
        assert upgraded.returncode == 0, upgraded.stderr
        bind = f"127.0.0.1:{self.port}"
        gunicorn = ("gunicorn", "-c", "python:ordercast.gunicorn", "-w", "2", "-b", bind)
        with ExitStack() as stack:
            web = self.start("web", *gunicorn, "app:create_app()")
            stack.callback(web.stop)
            stack.callback(self.start("worker", "flask", "ordercast", "worker").stop)

            def answers() -> bool:
                assert web.is_running(), web.output()
                try:
                    return loopback.get(self.url).status_code == 404
                except httpx.TransportError:
                    return False

            wait_until(answers, "the app answers")
            yield


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `pip wheel .` builds of this tree."""
    folder = once_a_run(tmp_path_factory, "wheel", build_wheel)
    [made] = folder.glob("*.whl")
    return made


def build_wheel(folder: Path) -> None:
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(folder), "."]
    subprocess.run(build, cwd=ROOT, check=True)


@pytest.fixture(scope="session")
def binaries(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bin/ of a fresh virtual environment with the wheel and what it declares that it needs, in the
    versions that this tree is tested with."""

    def install(folder: Path) -> None:
        venv.create(folder)  # without a pip of its own, which takes longer than the rest of it
        into = [*PIP, "--python", str(folder / "bin" / "python"), "install", "-q", "--no-compile"]
        pins = ["-c", str(ROOT / "requirements-dev.txt")]
        subprocess.run([*into, *pins, f"{wheel}[postgres]", *OWN], cwd=folder, check=True)

    return once_a_run(tmp_path_factory, "venv", install) / "bin"


@dataclass(frozen=True)
class Ground:
    """What an app of these tests stands on."""

    folder: Path
    database_url: str  # empty
    redis_url: str


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def ground(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """A folder and a Redis, with an empty database of each kind."""
    folder = tmp_path_factory.mktemp("app")
    url = f"sqlite:///{folder}/app.db"
    if request.param == "postgres":
        server, _ = request.getfixturevalue("postgres")
        url = server.url(server.new_database())
    with redis_in(folder) as redis:
        yield Ground(folder, url, redis.url)


@pytest.fixture(scope="module")
def team(ground: Ground, binaries: Path) -> Iterator[Place]:
    """The team's app: two web processes and a worker."""
    place = Place(
        ground.folder,
        binaries,
        SQLALCHEMY_DATABASE_URI=ground.database_url,
        ORDERCAST_REDIS_URL=ground.redis_url,
        ORDERCAST_DURABLE="parcel:*",
    )
    with place.running():
        yield place
