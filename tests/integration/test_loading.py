"""What a process loads, and keeps out of the collector's way: most of a command's time."""

import subprocess
import sys
from pathlib import Path

from tests.harness.processes.process import ROOT, environment

LOAD = """
import gc, sys
import wsgi
found = {"psycopg", "alembic"} & {*sys.modules}
print(gc.isenabled(), gc.get_freeze_count() > len(gc.get_objects()), *sorted(found))
"""


def test_a_process_on_sqlite_loads_no_driver_of_postgresql_and_what_it_loads_is_frozen(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=ROOT,
        env=environment(
            DATABASE_URL=f"sqlite:///{tmp_path}/none.db", REDIS_URL="redis://127.0.0.1:1"
        ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "True True\n", done.stderr
