"""The real service on free ports of the loopback: gunicorn, the worker, and a Redis of its own."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ordercast.testing import redis_server
from ordercast.testing.processes import Child

START_SECONDS = 60.0
UPGRADE_SECONDS = 120.0
PAUSE_SECONDS = 0.05  # between two looks at a process that starts
LISTEN_BACKLOG = 128  # connections


class NotStarted(Exception):
    """A process ended, or did not answer in time; the text has the end of each log."""


class LiveServer:
    """The application behind gunicorn, with its worker, as it runs in production:

    @pytest.fixture(scope="session")
    def server(tmp_path_factory):
        database = f"sqlite:///{tmp_path_factory.mktemp('live')}/test.db"
        with LiveServer("app:create_app()", env={"FLASK_SQLALCHEMY_DATABASE_URI": database}) as it:
            yield it

    `app` is what gunicorn and `flask --app` take, found from `folder`, by default the current one.
    `env` is added to this process's environment; REDIS_URL, ORDERCAST_REDIS_URL and
    FLASK_ORDERCAST_REDIS_URL are the server's own Redis in it. `flask ordercast upgrade` runs
    first. `workers`: gunicorn's processes.

    .url, .redis_url      where it answers
    .logs                 the folder with a log of each process; removed at the end, unless the
                          block raised: then it stays, and the end of each log is printed

    Raises NotStarted; FileNotFoundError where there is no redis-server.
    """

    def __init__(
        self,
        app: str,
        *,
        env: Mapping[str, str] | None = None,
        folder: str | Path | None = None,
        workers: int = 1,
    ) -> None:
        self._app = app
        self._given = dict(env or {})
        self._folder = Path(folder or Path.cwd())
        self._workers = workers
        self._children: list[Child] = []
        self.url = ""
        self.redis_url = ""
        self.logs: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            print(self.output(), file=sys.stderr)
        self.stop(keep_logs=kind is not None)

    def start(self) -> None:
        """Returns when the service answers. Raises NotStarted, and FileNotFoundError."""
        binary = redis_server.binary()
        self.logs = Path(tempfile.mkdtemp(prefix="ordercast-live-"))
        try:
            self._start_redis(binary)
            self._upgrade()
            self._start_service()
        except BaseException:
            self.stop(keep_logs=True)
            raise

    def stop(self, *, keep_logs: bool = False) -> None:
        """End all processes, the last first; calling it again is harmless."""
        while self._children:
            self._children.pop().stop()
        if self.logs is not None and not keep_logs:
            shutil.rmtree(self.logs, ignore_errors=True)

    def output(self) -> str:
        """The end of each log."""
        return "\n".join(child.tail() for child in self._children)

    # -- its processes

    def _start_redis(self, binary: str) -> None:
        for attempt in range(3):  # the port can be taken by another program before Redis has it
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir"]
            redis = self._run(f"redis-{attempt}", binary, *options, str(self.logs))
            with suppress(NotStarted):
                self._wait(redis, redis.has_printed(redis_server.READY), "accepts connections")
                self.redis_url = f"redis://127.0.0.1:{port}/0"
                return
        raise NotStarted(f"Redis did not start:\n{self.output()}")

    def _upgrade(self) -> None:
        done = subprocess.run(
            [*self._flask, "ordercast", "upgrade"],
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=UPGRADE_SECONDS,
        )
        if done.returncode != 0:
            raise NotStarted(f"flask ordercast upgrade failed:\n{done.stdout}{done.stderr}")

    def _start_service(self) -> None:
        # Bind here and pass the descriptor: no other program gets the port in between.
        with socket.create_server(("127.0.0.1", 0), backlog=LISTEN_BACKLOG) as listener:
            port = listener.getsockname()[1]
            web = self._run(
                "web",
                *(sys.executable, "-m", "gunicorn", "-c", "python:ordercast.gunicorn"),
                *("-w", str(self._workers), "-b", f"fd://{listener.fileno()}", self._app),
                descriptors=(listener.fileno(),),
            )
        worker = self._run("worker", *self._flask, "ordercast", "worker")
        self._wait(web, lambda: _answers(port), "answers")
        self._wait(worker, lambda: worker.exit_code is None, "runs")
        self.url = f"http://127.0.0.1:{port}"

    @property
    def _flask(self) -> tuple[str, ...]:
        return (sys.executable, "-m", "flask", "--app", self._app)

    @property
    def _env(self) -> dict[str, str]:
        redis = ("REDIS_URL", "ORDERCAST_REDIS_URL", "FLASK_ORDERCAST_REDIS_URL")
        canaries = {"FLASK_ORDERCAST_CANARY_SECONDS": "0"}  # tests may count positions
        redis_urls = dict.fromkeys(redis, self.redis_url)
        return {**canaries, **os.environ, **self._given, **redis_urls}

    def _run(self, name: str, *command: str, descriptors: tuple[int, ...] = ()) -> Child:
        assert self.logs is not None
        child = Child(
            name,
            command,
            env=self._env,
            folder=self._folder,
            log=self.logs / f"{name}.log",
            descriptors=descriptors,
        )
        self._children.append(child)
        return child

    def _wait(self, child: Child, is_ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if child.exit_code is not None:
                raise NotStarted(
                    f"{child.name} ended with exit code {child.exit_code}:\n{self.output()}"
                )
            if time.monotonic() > deadline:
                raise NotStarted(
                    f"not within {START_SECONDS:.0f} s: {child.name} {what}\n{self.output()}"
                )
            time.sleep(PAUSE_SECONDS)


def _answers(port: int) -> bool:
    """Whether an HTTP request is answered, with any status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
