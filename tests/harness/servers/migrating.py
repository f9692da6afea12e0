"""The marketplace's migrations, as `flask db ...` runs them, without the second of CPU that a start
of the command takes.

`python -m tests.harness.servers.migrating URL COUNT`: so many processes upgrade the database at the
same moment; ends with 1 when one of them fails.
"""

import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import flask_migrate

from app import create_app
from app.db import db
from tests.harness.processes.process import ROOT, SECRET, environment


def migrate(url: str, command: Callable[..., None] = flask_migrate.upgrade, **options: Any) -> None:
    """Run one of Flask-Migrate's commands on the database, in this process. Raises SystemExit where
    the command says why it fails."""
    app = create_app({"DATABASE_URL": url, "JWT_SECRET_KEY": SECRET})
    flask_migrate.Migrate().init_app(app, db)
    with app.app_context():
        try:
            command(**options)
        finally:
            db.engine.dispose()


def upgrade_at_once(url: str, count: int = 3) -> subprocess.CompletedProcess[str]:
    """Upgrade the database from so many processes, as many hosts that are deployed at once do."""
    module = [sys.executable, "-m", "tests.harness.servers.migrating"]
    return subprocess.run(
        [*module, url, str(count)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def main(url: str, count: str) -> int:
    fork = multiprocessing.get_context("fork")
    hosts = [fork.Process(target=migrate, args=(url,)) for _ in range(int(count))]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join()
    return int(any(host.exitcode for host in hosts))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
