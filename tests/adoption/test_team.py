"""A team's app on the installed library: its own events, rooms and handlers."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from tests.adoption.conftest import Place
from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.processes.external import run_script
from tests.harness.processes.workers import workers
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

Client = Callable[..., StockClient]
WAITING = 4  # requests, spread over both processes


@pytest.fixture
def client(team: Place) -> Iterator[Client]:
    """A builder of the team's clients; what they are given is their `auth`."""
    made: list[StockClient] = []

    def make(**auth: Any) -> StockClient:
        made.append(StockClient(team.url, auth=auth))
        return made[-1]

    yield make
    for each in made:
        each.leave()


def move(team: Place, depot: str, id: str, place: str) -> None:
    url = f"{team.url}/depots/{depot}/parcels/{id}/{place}"
    assert loopback.post(url, timeout=DEADLINE_SECONDS).status_code == 200


def test_an_event_of_the_teams_transaction_reaches_the_room_joined_in_its_handler(
    team: Place, client: Client
) -> None:
    alice, stranger = client(driver="alice", depot="north"), client(driver="charlie", depot="south")
    alice.wait_settled()
    stranger.wait_settled()
    move(team, "north", "7", "ramp")
    move(team, "north", "7", "nowhere")  # rolled back
    move(team, "north", "7", "truck")
    move(team, "south", "8", "ramp")
    alice.wait("event", 2)
    stranger.wait("event", 1)
    moves = [payload for payload, _ in alice.events("parcel:moved")]
    assert moves == [{"id": "7", "place": "ramp"}, {"id": "7", "place": "truck"}]
    assert [payload["id"] for payload, _ in stranger.events("parcel:moved")] == ["8"]


def test_a_proof_with_the_teams_own_users_loses_nothing(team: Place) -> None:
    (team.folder / "users").write_text('{"driver": "dave"}\n{"driver": "erin"}\n')
    options = ("--seconds", "2", "--auth", "users", "--json")
    done = team.run("flask", "ordercast", "prove", "--staging", team.url, *options)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    report = json.loads(done.stdout)
    assert report["clients"] == {"websocket": 2, "polling": 2}
    assert report["deliveries"] > 0
    assert report["faults"]["connections cut"] > 0


def test_its_metrics_are_sums_of_all_web_processes_and_of_the_workers(team: Place) -> None:
    def values(port: int, name: str) -> list[float]:
        lines = loopback.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
        return [float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)]

    def total(port: int, name: str) -> float:
        return sum(values(port, name))

    def follow() -> bool:
        """Both web processes have come to the first event, and the worker answers."""
        try:
            lags = values(team.metrics_port, "ordercast_follower_lag_events")
            return lags == [0, 0] and bool(values(team.worker_port, sequenced))
        except httpx.TransportError:
            return False

    sequenced, fanned_out = "ordercast_events_sequenced_total", "ordercast_events_fanned_out_total"
    move(team, "north", "70", "gate")
    wait_until(follow, "all processes have begun")
    before = total(team.worker_port, sequenced), total(team.metrics_port, fanned_out)
    move(team, "north", "70", "ramp")
    move(team, "north", "70", "truck")
    # Each of the two web processes fans both out, whether anybody listens or not.
    after = before[0] + 2, before[1] + 2 * 2
    wait_until(
        lambda: (total(team.worker_port, sequenced), total(team.metrics_port, fanned_out)) == after,
        "all have counted",
    )


def test_emits_outside_of_a_transaction_are_durable_also_those_of_a_stock_script(
    team: Place, client: Client
) -> None:
    alice, stranger = client(driver="alice", depot="east"), client(driver="charlie", depot="south")
    alice.wait_settled()
    stranger.wait_settled()
    for _ in range(2):
        assert httpx.post(f"{team.url}/depots/east/scans/9").status_code == 200
    engine = create_engine(team.database_url)

    def is_led() -> bool:
        with engine.connect() as connection:
            return bool(connection.scalar(text("SELECT leader FROM ordercast_relay")))

    wait_until(is_led, "the worker hears stock scripts")
    engine.dispose()
    moved = {"id": "9", "place": "by a script"}
    run_script(team.redis_url, f"socketio.emit('parcel:moved', {moved}, to='depot:east')")
    alice.wait("event", 6)
    got = [(payload["place"], int(offset)) for payload, offset in alice.events("parcel:moved")]
    assert [place for place, _ in got] == [
        "scanned",
        *("in room", "to all"),
        *("in room", "to all"),
        "by a script",
    ]
    assert got == sorted(got, key=lambda one: one[1])
    assert [one["place"] for one, _ in stranger.events("parcel:moved")] == ["to all", "to all"]


def test_a_script_without_flask_sends_through_the_inbox_and_so_does_the_command(
    team: Place, client: Client
) -> None:
    alice = client(driver="alice", depot="inbox")
    alice.wait_settled()
    script = """
import os, sys
from ordercast import Inbox
inbox = Inbox(os.environ["FLASK_ORDERCAST_REDIS_URL"])
inbox.send("depot:inbox", "parcel:moved", {"id": "1", "place": "script"})
for _ in range(2):
    inbox.once("order-2")("depot:inbox", "parcel:moved", {"id": "2", "place": "script"})
assert not {"flask", "sqlalchemy", "gevent"} & {*sys.modules}
"""
    ran = team.run("python", "-c", script)
    assert ran.returncode == 0, ran.stderr
    for _ in range(2):
        emit = ["emit", "parcel:moved", "--to", "depot:inbox", "--id", "order-3"]
        ran = team.run("flask", "ordercast", *emit, "--data", '{"id": "3", "place": "shell"}')
        assert (ran.returncode, ran.stdout) == (0, "accepted\n"), ran.stderr
    alice.wait_event("parcel:moved", 3)
    move(team, "inbox", "4", "ramp")
    alice.wait_event("parcel:moved", 4)
    assert [payload["id"] for payload, _ in alice.events("parcel:moved")] == ["1", "2", "3", "4"]


def test_the_worker_runs_the_teams_own_step(team: Place, client: Client) -> None:
    alice = client(driver="alice", depot="lost")
    alice.wait_settled()
    move(team, "elsewhere", "11", "lost")
    payload, _ = alice.wait_event("parcel:moved")
    assert payload == {"id": "11", "place": "found"}


def test_connections_are_ended_from_the_shell_and_from_the_teams_code(
    team: Place, client: Client
) -> None:
    bob, eve = client(driver="bob"), client(driver="eve")
    bob.wait_settled()
    eve.wait_settled()
    ran = team.run("flask", "ordercast", "disconnect", "--user", "bob")
    assert ran.returncode == 0, ran.stderr
    assert bob.wait("disconnect")["reason"] == "io server disconnect"
    code = "from app import cast, create_app\nwith create_app().app_context():\n    "
    ran = team.run("python", "-c", code + "cast.disconnect(user='eve')")
    assert ran.returncode == 0, ran.stderr
    assert eve.wait("disconnect")["reason"] == "io server disconnect"


def test_the_teams_code_asks_for_health_head_and_what_was_missed(team: Place) -> None:
    move(team, "asked", "21", "ramp")
    script = """
import json
from app import cast, create_app
with create_app().app_context():
    checks, status = cast.health()
    head, missed = cast.head(), cast.missed(["depot:asked"], after=0)
    print(json.dumps([status, head.position, missed.events[-1]]))
"""

    def asked() -> list[Any]:
        ran = team.run("python", "-c", script)
        assert ran.returncode == 0, ran.stderr
        said: list[Any] = json.loads(ran.stdout)
        return said

    wait_until(lambda: asked()[2]["data"]["id"] == "21", "the event has its position")
    status, head, last = asked()
    assert status == "ok"
    assert head >= int(last["offset"]) > 0
    assert (last["name"], last["data"]) == ("parcel:moved", {"id": "21", "place": "ramp"})
    doctor = team.run("flask", "ordercast", "doctor")
    assert doctor.returncode == 0, doctor.stdout
    assert "FAIL" not in doctor.stdout


def test_the_teams_own_handlers_answer_and_acknowledge(client: Client) -> None:
    alice = client(driver="alice")
    alice.wait_settled()
    alice.tell(emit=["ping:me", "here"])
    alice.wait("event")
    assert alice.events("pong:you")[0][0] == "here"


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_while_a_request_waits_for_sqlites_lock_the_others_are_answered(
    team: Place, client: Client
) -> None:
    alice = client(driver="alice", depot="locked")
    alice.wait_settled()
    other = sqlite3.connect(str(make_url(team.database_url).database), isolation_level=None)
    with closing(other), ThreadPoolExecutor(WAITING) as people:
        other.execute("BEGIN IMMEDIATE")
        moves = [people.submit(move, team, "locked", str(n), "ramp") for n in range(WAITING)]
        for _ in range(WAITING):  # whichever process is asked
            missed = loopback.get(f"{team.url}/drivers/alice/missed/0", timeout=5)
            assert missed.status_code == 200
        alice.tell(ask=["ping:me", "here"])
        assert alice.wait("answer")["args"] == ["HERE"]
        assert not any(moved.done() for moved in moves)
        other.execute("ROLLBACK")
        for moved in moves:
            moved.result()
    alice.wait_event("parcel:moved", WAITING)


def test_whom_the_team_refuses_learns_why(client: Client) -> None:
    refused = client(driver="mallory").wait("connect_error")
    assert refused["message"] == "No such driver"
    assert refused["data"] == {"code": "unknown_driver"}


def test_whom_the_teams_handler_refuses_is_not_connected(client: Client, team: Place) -> None:
    nobody = StockClient(team.url)
    nobody.wait("connect_error")
    nobody.leave()
    assert client(driver="alice").wait_settled()


def test_the_types_of_the_teams_events_are_written_without_redis_or_a_worker(
    binaries: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path, binaries, SQLALCHEMY_DATABASE_URI="sqlite://")
    written = place.run("flask", "ordercast", "types", "--output", "ordercast.ts")
    assert (written.returncode, written.stdout) == (0, ""), written.stderr
    text = (tmp_path / "ordercast.ts").read_text()
    assert "export type ParcelMoved = {\n  readonly id: string;\n" in text
    assert '    "parcel:moved": ParcelMoved;' in text
    document = place.run("flask", "ordercast", "asyncapi")
    assert json.loads(document.stdout)["channels"]["any_room"]["messages"].keys() == {"ParcelMoved"}


def test_rooms_joined_late_are_recovered_by_another_process_after_a_kill(
    team: Place, client: Client
) -> None:
    alice = client(driver="alice", depot="handler")
    alice.wait_settled()
    for event, depot in (("join", "late"), ("join", "left"), ("leave", "left")):
        alice.tell(ask=[f"depot:{event}", depot])
    alice.wait("answer", 3)
    assert [line["args"] for line in alice.all("answer")] == [["alice"], ["alice"], []]
    for depot in ("handler", "late", "left"):
        move(team, depot, depot, "ramp")
    alice.wait("event", 2)

    alice.freeze()
    killed = workers(team.processes["web"].pid)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not {*killed} & {*workers(team.processes["web"].pid)}, "they are dead")
    wait_until(lambda: answers(team), "other web processes answer")
    for depot in ("late", "left", "handler", "late"):
        move(team, depot, depot, "truck")
    alice.thaw()

    assert alice.wait_settled(2)["recovered"]
    alice.wait("event", 5)
    move(team, "late", "last", "ramp")
    alice.wait("event", 6)
    moved = [payload["id"] for payload, _ in alice.events("parcel:moved")]
    assert moved == ["handler", "late", "late", "handler", "late", "last"]
    assert alice.offsets() == sorted({*alice.offsets()})


def answers(team: Place) -> bool:
    try:
        return httpx.get(team.url).status_code == 404
    except httpx.TransportError:
        return False
