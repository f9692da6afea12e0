"""PgBouncer from Debian in front of a PostgreSQL, with the file of deploy/: transaction mode."""

import os
import shutil
import subprocess
from pathlib import Path

import psycopg

from tests.harness.processes.process import ROOT
from tests.harness.servers.clusters import ROOT_RUNS_IT_AS
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

FILE = ROOT / "deploy" / "pgbouncer" / "pgbouncer.ini"


class PgBouncer:
    def __init__(self, folder: Path, socket_folder: str) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "PgBouncer is needed for this test (Debian: apt-get install pgbouncer)"
        self.port = free_port()
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(self._configured(socket_folder))
        user = ROOT_RUNS_IT_AS if os.geteuid() == 0 else None  # it refuses to run as root
        with (folder / "pgbouncer.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, str(configuration)], stdout=log, stderr=log, user=user
            )
        wait_until(self._answers, "PgBouncer answers")

    def _configured(self, socket_folder: str) -> str:
        """The file of deploy/ for any database, whose server asks for no password. Two server
        sessions for everybody: what a client left in one is soon met by another."""
        text = FILE.read_text()
        for operators, ours in (
            ("ordercast = host=10.0.0.3 port=5432", f"* = host={socket_folder} user=postgres"),
            ("listen_addr = 10.0.0.3", "listen_addr = 127.0.0.1"),
            ("listen_port = 6432", f"listen_port = {self.port}"),
            ("auth_type = scram-sha-256", "auth_type = any"),
            ("auth_file = /etc/pgbouncer/userlist.txt", ""),
            ("default_pool_size = 20", "default_pool_size = 2"),
        ):
            assert operators in text, operators
            text = text.replace(operators, ours)
        return text

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), prepare_threshold=None).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
