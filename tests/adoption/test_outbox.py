"""Events of a team's transactions on the installed library: of several rooms, and of a program that
knows nothing but SQL."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from tests.adoption.conftest import Place
from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.waiting import wait_until

Client = Callable[..., StockClient]
APPEND = {  # what another program says
    "postgresql": "SELECT ordercast_append('depot:north', 'parcel:moved', '{0}')",
    "sqlite": "INSERT INTO ordercast_events (room, name, data)"
    " VALUES ('depot:north', 'parcel:moved', '{0}')",
}
PLACE = '{{"id": "7", "place": "{0}"}}'
KEPT = "SELECT key, request_id FROM ordercast_events WHERE key = 'parcel:9' ORDER BY id LIMIT 1"


class Program:
    """Another program on the team's database: SQL alone."""

    def __init__(self, url: str) -> None:
        read = make_url(url)
        self.dialect = read.get_backend_name()
        self._connection: Any = (
            sqlite3.connect(str(read.database))
            if self.dialect == "sqlite"
            else psycopg.connect(url)
        )

    def append(self, place: str) -> None:
        self._connection.execute(APPEND[self.dialect].format(PLACE.format(place)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
def program(team: Place) -> Iterator[Program]:
    with closing(Program(team.database_url)) as program:
        yield program


@pytest.fixture
def client(team: Place) -> Iterator[Client]:
    """A builder of the team's clients; what they are given is their `auth`."""
    made: list[StockClient] = []

    def make(**auth: Any) -> StockClient:
        made.append(StockClient(team.url, auth=auth))
        made[-1].wait_settled()
        return made[-1]

    yield make
    for each in made:
        each.leave()


def places(client: StockClient) -> list[str]:
    return [payload["place"] for payload, _ in client.events("parcel:moved")]


def test_a_client_in_several_rooms_of_an_event_gets_it_once(team: Place, client: Client) -> None:
    """Alice is in both rooms, bob in the second; he is away for the second event, and recovers."""
    alice, bob = client(driver="alice", depot="east"), client(driver="bob")
    url = f"{team.url}/depots/east/parcels/9"
    drivers = {"driver": ["alice", "bob"]}
    headers = {"X-Request-ID": "of-the-move"}
    assert loopback.post(f"{url}/ramp", params=drivers, headers=headers).status_code == 200
    bob.wait_event("parcel:moved")
    bob.tell(cut=True)
    assert loopback.post(f"{url}/nowhere", params=drivers).status_code == 200  # rolled back
    for place in ("gate", "truck"):
        assert loopback.post(f"{url}/{place}", params=drivers).status_code == 200
    assert bob.wait("connect", 2)["recovered"]
    for each in (alice, bob):
        each.wait_event("parcel:moved", 3)
        assert places(each) == ["ramp", "gate", "truck"]
        assert each.offsets() == sorted(set(each.offsets()))
    answer = loopback.get(f"{team.url}/drivers/bob/missed/0").json()
    moves = [event["place"] for event in answer["events"] if event["id"] == "9"]
    assert (moves, answer["complete"]) == (["ramp", "gate", "truck"], True)
    with closing(Program(team.database_url)) as program:
        assert program.execute(KEPT).fetchone() == ("parcel:9", "of-the-move")


LISTENING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = %s"


def test_the_worker_listens_to_the_database(team: Place, program: Program) -> None:
    if program.dialect != "postgresql":
        assert "LISTEN" not in (team.folder / "worker.log").read_text()
        return

    def listens() -> object:
        program.rollback()  # a transaction sees the sessions of its first look
        return program.execute(LISTENING, ["LISTEN ordercast_events"]).fetchone()

    wait_until(listens, "it listens")


def test_another_programs_commit_is_an_event_and_its_rollback_is_none(
    client: Client, program: Program
) -> None:
    alice = client(driver="alice", depot="north")
    program.append("lost")
    program.rollback()
    program.append("ramp")
    program.commit()
    alice.wait_event("parcel:moved")
    program.append("truck")
    program.commit()
    alice.wait_event("parcel:moved", 2)
    assert places(alice) == ["ramp", "truck"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ordercast_events (room, name, data) VALUES ('depot:north', 'test', '{')",
        "INSERT INTO ordercast_events (room, name, data) VALUES ('', 'test', '{}')",
        "INSERT INTO ordercast_events (room, name, data) VALUES ('depot:north', '', '{}')",
    ],
)
def test_a_row_that_is_no_event_cannot_be_written(program: Program, statement: str) -> None:
    with pytest.raises((psycopg.Error, sqlite3.Error)):
        program.execute(statement)
    program.rollback()
