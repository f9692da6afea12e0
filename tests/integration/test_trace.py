"""What happened to an event: the answer, and the commands that print it. Real Redis and databases,
web processes of a team's application, and the marketplace's own command."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_hex

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from app.db import announce, db, transaction
from app.emitters import Announcing
from ordercast.journal import Batches, Marks, Publisher
from tests.harness.application import journal
from tests.harness.application.tabs import Tab
from tests.harness.application.team import ALICE, BOB, StartTeam, TeamProcess
from tests.harness.servers.redis import RedisServer

Start = Callable[..., TeamProcess]


@pytest.fixture
def start(start_team: StartTeam) -> Start:
    """A builder of processes that share a ledger of their own."""
    prefix = f"trace-{token_hex(4)}"
    return lambda **options: start_team(REDIS_PREFIX=prefix, **options)


@pytest.fixture
def process(start: Start) -> TeamProcess:
    return start()


def run(process: TeamProcess, *arguments: str) -> Result:
    return process.app.test_cli_runner().invoke(args=["ordercast", "trace", *arguments])


def sequence(process: TeamProcess) -> None:
    """As a worker does: positions, published to the process, and noted."""
    service = process.service
    marks, batches = Marks(service.broker), Batches(service.broker, service.journal.clock)
    publish = Publisher(service.broker, marks, batches)
    messages: list[bytes] = []

    def both(message: bytes) -> None:
        messages.append(message)
        publish(message)

    service.journal.sequencer(both, marks, batches).step()
    process.hear(*messages)


def test_the_whole_way_of_an_event_in_words(process: TeamProcess) -> None:
    tab = Tab(ALICE).connect(process, rooms=["food"])
    process.note()
    process.append("food", key="parcel:7")
    sequence(process)
    process.note()

    done = run(process, "--key", "parcel:7")

    assert done.exit_code == 0, done.stderr
    lines = [line.strip() for line in done.output.splitlines()]
    assert lines[0] == "event 1 test to food"
    assert lines[1].startswith(f"committed  {datetime.now(UTC):%Y-%m-}")
    assert lines[1].endswith(" UTC, about parcel:7")
    assert lines[2].startswith("sequenced  ")
    assert lines[2].endswith(", and published")
    assert lines[3].startswith("sent       process ")
    assert lines[4] == "clients    1 sent"
    assert lines[5] == f"user alice sid {tab.sid} websocket: sent, not acknowledged"
    assert run(process, "--offset", "1").output == done.output


def test_a_client_that_came_back_with_a_later_offset_has_read_it(start: Start) -> None:
    """Both connections are in the answer when the second got events as well."""
    first, second = start(), start()
    tab = Tab(ALICE).connect(first, rooms=["food"])
    first.happen("food")
    tab.read()
    tab.cut()
    first.note()
    first.happen("food")
    second.catch_up()
    tab.connect(second, rooms=["food"])
    for process in (first, second):
        process.note()

    read = second.cast.trace(offset=1).events[0].receipts
    again = second.cast.trace(offset=2).events[0].receipts

    assert [(one.state, one.why) for one in read] == [("read", "came back with 1")]
    assert read[0].connection.ended is not None
    assert [(one.connection.sid, one.state) for one in again] == [(tab.sid, "sent")]
    shown = second.cast.trace(user="alice").connections
    assert [one.is_recovered for one in shown] == [False, True]


def test_nobody_there_is_said_with_the_time_until_which_it_is_replayed(
    process: TeamProcess,
) -> None:
    process.note()
    process.append("food")
    sequence(process)
    process.note()

    output = run(process, "--offset", "1").output

    assert "nobody     was connected in food: will be replayed until" in output
    [event] = process.cast.trace(offset=1).events
    assert event.kept_until is not None
    assert (event.kept_until - event.committed_at).days == 7


def test_an_event_that_waits_for_its_offset_is_found_by_its_key(process: TeamProcess) -> None:
    process.append("food", key="parcel:7")
    done = run(process, "--key", "parcel:7")
    assert "event without an offset test to food" in done.output
    assert "sequenced  not yet: no worker has given it an offset" in done.output


def test_an_event_that_can_be_delivered_to_nobody_says_why(process: TeamProcess) -> None:
    with process.database.begin() as connection:
        statement = "INSERT INTO ordercast_events (room, name, data) VALUES ('control', 'x', '1')"
        connection.execute(text(statement))
    process.sequence()
    output = run(process, "--offset", "1").output
    assert "set aside  it can be delivered to nobody: no process knows the control event" in output


def test_what_never_existed_was_pruned_or_has_no_such_key_is_one_line(
    process: TeamProcess,
) -> None:
    process.happen("food", "food")
    process.service.journal.prune(datetime.now(UTC).replace(year=2099), 1)
    for arguments, said in (
        (["--offset", "9"], "never_existed: never existed: the last offset given is 2\n"),
        (["--offset", "1"], "pruned: pruned: the lowest offset kept is 2\n"),
        (["--key", "parcel:8"], "no_event: no event in the journal has the key 'parcel:8'"),
        (["--user", "nobody"], "no_event: no event in the journal is for user:nobody\n"),
    ):
        done = run(process, *arguments)
        assert done.exit_code == 1
        assert done.stderr.startswith(said)
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--offset", "1", "--key", "a"], ["--offset", "0"]])
def test_options_that_make_no_sense_are_refused(process: TeamProcess, arguments: list[str]) -> None:
    assert run(process, *arguments).exit_code == 2


def test_without_redis_the_journal_answers_and_the_rest_is_unknown(
    own_redis: RedisServer, database_url: str
) -> None:
    process = TeamProcess(database_url, own_redis)
    process.happen("food")
    own_redis.stop()
    done = run(process, "--offset", "1")
    assert done.exit_code == 0
    assert "event 1 test to food" in done.output
    assert "not known: unknown to whom it was sent: Redis does not answer" in done.output
    process.end()


def test_a_users_trace_has_their_connections_and_their_events_alone(process: TeamProcess) -> None:
    mine = Tab(ALICE).connect(process, rooms=["food"])
    other = Tab(BOB).connect(process, rooms=["food"])
    process.note()
    process.append("food")
    process.append("user:alice")
    process.append("user:bob")
    sequence(process)
    process.note()

    said = json.loads(run(process, "--user", "alice", "--json").output)

    assert [one["sid"] for one in said["connections"]] == [mine.sid]
    assert [event["rooms"] for event in said["events"]] == [["food"], ["user:alice"]]
    sids = {one["connection"]["sid"] for event in said["events"] for one in event["receipts"]}
    assert sids == {mine.sid}
    assert f"sid {other.sid}" not in run(process, "--user", "alice").output


def test_many_clients_are_counted_and_the_first_are_shown(start: Start) -> None:
    process = start(MAX_CONNECTIONS_PER_USER=0)
    for _ in range(60):
        Tab(ALICE).connect(process, rooms=["food"])
    process.note()
    process.append("food")
    sequence(process)
    process.note()
    output = run(process, "--offset", "1").output
    assert "clients    60 sent" in output
    assert "and 10 more: --json has all" in output


def test_the_events_of_an_order_are_found_by_its_id_and_its_number(app: Flask) -> None:
    order = {"id": "123", "orderNumber": "OC-00000123", "status": "shipped"}
    with transaction():
        Announcing(announce).order_status_update("7", order)
    journal.sequence()
    db.session.remove()

    runner = app.test_cli_runner()
    for name in ("123", "OC-00000123", "oc-00000123"):
        done = runner.invoke(args=["trace", "order", name])
        assert done.exit_code == 0, done.stderr
        assert "order:status to user:7" in done.output
        assert "about order:123" in done.output
    assert runner.invoke(args=["trace", "event", "1"]).exit_code == 0
    assert "user:7" in runner.invoke(args=["trace", "user", "7"]).output
    missing = runner.invoke(args=["trace", "order", "124"])
    assert (missing.exit_code, missing.stderr[:9]) == (1, "no_event:")
    wrong = runner.invoke(args=["trace", "order", "x"])
    assert (wrong.exit_code, wrong.stderr[:17]) == (1, "validation_error:")


def test_a_trace_needs_one_question(process: TeamProcess) -> None:
    with pytest.raises(TypeError, match="give one of"):
        process.cast.trace()
