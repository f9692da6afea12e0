"""Commands whose database cannot be used fail in one line that says why."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from tests.harness.processes.process import environment, flask

COMMANDS = (
    ("users", "list"),
    ("users", "add", "--email", "eve@example.com", "--name", "Eve", "--role", "customer"),
    ("revoke", "--user", "1"),
    ("disconnect", "--user", "1"),
    ("demo-data",),
)


def said(url: str, *arguments: str) -> str:
    """The one line with which the command fails."""
    done = flask(*arguments, env=environment(DATABASE_URL=url))
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    return line


def test_a_database_that_is_unavailable(tmp_path: Path) -> None:
    url = f"postgresql://me:hunter2@/orders?host={tmp_path}"
    for command in COMMANDS:
        line = said(url, *command)
        assert line.startswith("database_unavailable: unavailable: connection "), command
        assert "hunter2" not in line


def test_a_database_that_may_only_be_read(sqlite_url: str) -> None:
    url = f"sqlite:///file:{make_url(sqlite_url).database}?mode=ro&uri=true"
    assert said(url, *COMMANDS[1]).startswith("database_unavailable: read-only: ")


def test_a_database_that_another_program_is_writing_to(sqlite_url: str) -> None:
    with closing(sqlite3.connect(str(make_url(sqlite_url).database))) as other:
        other.execute("BEGIN IMMEDIATE")
        url = f"{sqlite_url}?timeout=1"
        assert said(url, *COMMANDS[1]) == "database_unavailable: busy: database is locked"
