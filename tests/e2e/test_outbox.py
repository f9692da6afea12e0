"""docs/outbox.md: each of its blocks, run as it stands there, by the program that it is for."""

import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from ordercast import migrations
from tests.harness.processes.process import ROOT
from tests.harness.servers.clusters import BINARIES
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.schema import engine_of, rows

PAGE = (ROOT / "docs" / "outbox.md").read_text()
TABLE = "CREATE TABLE parcels (id text PRIMARY KEY, place text)"
PARCEL = "INSERT INTO parcels VALUES ('7', 'door')"
NODE = ROOT / "tests" / "e2e" / "node"
COMMIT = 'await client.query("COMMIT");'


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


def moves(url: str) -> list[tuple[list[str], str, object, str | None]]:
    """([room, ...], name, payload, key) of each event."""
    return [
        ([row.room, *(row.further_rooms or ())], row.name, orjson.loads(row.data), row.key)
        for row in rows(url, "ordercast_events")
    ]


def moved(place: str) -> tuple[list[str], str, object, str | None]:
    return (["depot:north"], "parcel:moved", {"id": "7", "place": place}, None)


@pytest.fixture
def url(postgres: tuple[Postgres, str]) -> Iterator[str]:
    """A team's database in PostgreSQL, with a parcel and a role."""
    server, _ = postgres
    name = server.new_database()
    url = server.url(name)
    migrations.upgrade(engine_of(url))
    with psycopg.connect(url, autocommit=True) as admin:
        for statement in (TABLE, PARCEL, "CREATE ROLE warehouse LOGIN"):
            admin.execute(statement)
        yield url
        admin.execute("DROP OWNED BY warehouse")
        admin.execute("DROP ROLE warehouse")
    server.drop(name)


@pytest.fixture
def env(url: str) -> dict[str, str]:
    """The environment of psql and of Node's pg."""
    read = make_url(url)
    return {
        "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": str(read.query["host"]),
        "PGUSER": str(read.username),
        "PGDATABASE": str(read.database),
    }


def run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, cwd=NODE)


def test_sql_of_the_page_in_psql(url: str, env: dict[str, str]) -> None:
    transaction, several, execute, insert = blocks("sql")
    for script in (transaction, several, execute, insert):
        done = run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", script], env)
        assert done.returncode == 0, done.stderr
    rooms = ["depot:north", "driver:alice"]
    assert moves(url) == [
        moved("ramp"),
        (rooms, "parcel:moved", {"id": "7", "place": "ramp"}, "parcel:7"),
    ]
    as_warehouse = {**env, "PGUSER": "warehouse"}
    plain = "INSERT INTO ordercast_events (room, name, data) VALUES ('depot:north', 'test', '{}')"
    call = "SELECT ordercast_append('depot:north', 'test', '{}')"
    for statement in (plain, call):
        done = run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement], as_warehouse)
        assert done.returncode == 0, done.stderr
    assert len(moves(url)) == 4


def test_the_line_of_the_shell(url: str, env: dict[str, str]) -> None:
    [line] = blocks("sh")
    done = run(["sh", "-c", line], env)
    assert (done.returncode, done.stderr) == (0, "")
    assert moves(url) == [moved("truck")]


def test_nodes_pg_commits_rolls_back_and_learns_why(
    url: str, env: dict[str, str], tmp_path: Path
) -> None:
    [script] = blocks("js")
    fails = script.replace(COMMIT, 'throw new Error("no truck");')
    refused = script.replace('"depot:north"', '""')
    several = script.replace("($1, $2, $3)", "($1::text[], $2, $3)").replace(
        '"depot:north"', '["depot:north", "driver:alice"]'
    )
    assert len({script, fails, refused, several}) == 4
    for text, said in ((fails, "no truck"), (refused, "22023"), (script, ""), (several, "")):
        file = NODE / f"outbox-{os.getpid()}.mjs"  # beside node_modules
        file.write_text(text)
        try:
            done = run(["node", str(file)], env)
        finally:
            file.unlink()
        assert (done.returncode, said in done.stderr) == (1 if said else 0, True), done.stderr
    rooms = ["depot:north", "driver:alice"]
    assert moves(url) == [moved("gate"), (rooms, *moved("gate")[1:])]
    with engine_of(url).connect() as connection:
        assert connection.scalar(sa.text("SELECT place FROM parcels")) == "gate"


def test_python_on_sqlite(tmp_path: Path) -> None:
    database = tmp_path / "team.db"
    url = f"sqlite:///{database}"
    migrations.upgrade(engine_of(url))
    with sqlite3.connect(database) as connection:
        connection.execute(TABLE)
        connection.execute(PARCEL)
    [script] = blocks("python")
    exec(script, {"database": database})
    assert moves(url) == [moved("ramp")]
