"""PgBouncer from Debian in front of a PostgreSQL, as an operator sets it up: transaction mode."""

import os
import shutil
import subprocess
from pathlib import Path

import psycopg

from tests.harness.servers.clusters import ROOT_RUNS_IT_AS
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

# Two server sessions for everybody: what a client left in one is soon met by another.
CONFIGURATION = """
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = extra_float_digits
"""


class PgBouncer:
    def __init__(self, folder: Path, socket_folder: str) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "PgBouncer is needed for this test (Debian: apt-get install pgbouncer)"
        self.port = free_port()
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(CONFIGURATION.format(host=socket_folder, port=self.port))
        user = ROOT_RUNS_IT_AS if os.geteuid() == 0 else None  # it refuses to run as root
        with (folder / "pgbouncer.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, str(configuration)], stdout=log, stderr=log, user=user
            )
        wait_until(self._answers, "PgBouncer answers")

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
