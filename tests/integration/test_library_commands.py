"""`flask ordercast ...`: the library's commands, in the marketplace as in any team's app."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask_socketio import SocketIO
from sqlalchemy import create_engine

from app import create_app
from app.config import Settings
from app.db import db
from ordercast import Examination, Ordercast, Unhealthy
from tests.harness.application.journal import sequence
from tests.harness.application.mailbox import Mailbox, journalled
from tests.harness.servers.redis import RedisServer

NOTE = '{"title": "Hello", "message": "m", "type": "info"}'


@pytest.fixture
def alone(settings: Settings, own_redis: RedisServer) -> Iterator[Flask]:
    """The application with a Redis of its own."""
    app = create_app(Settings.of(**{**settings.model_dump(), "REDIS_URL": own_redis.url}))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["ordercast", *arguments])


def test_emit_goes_through_the_inbox_and_a_repeat_with_its_id_is_harmless(
    alone: Flask, own_redis: RedisServer
) -> None:
    mailbox = Mailbox(own_redis.url)
    for _ in range(2):
        done = run(alone, "emit", "notification", "--to", "user:7", "--data", NOTE, "--id", "one")
        assert (done.exit_code, done.output) == (0, "accepted\n")
    mailbox.drain()
    assert journalled() == ["Hello"]
    mailbox.redis.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("notification", "--to", "user:7", "--data", "{"), "malformed_json: --data is not JSON"),
        (("parcel", "--to", "user:7", "--data", NOTE), "refused_event: no such event: 'parcel'"),
        (("notification", "--to", "seller:7", "--data", NOTE), "refused_event: notification goes"),
    ],
)
def test_what_cannot_be_emitted_is_one_line(
    alone: Flask, arguments: tuple[str, ...], said: str
) -> None:
    done = run(alone, "emit", *arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_without_redis_emit_says_so(alone: Flask, own_redis: RedisServer) -> None:
    own_redis.stop()
    done = run(alone, "emit", "notification", "--to", "user:7", "--data", NOTE)
    assert done.exit_code == 1
    assert done.stderr.startswith("inbox_unavailable: Redis did not confirm the event")


def test_upgrade_is_harmless_where_the_tables_are_of_this_release(alone: Flask) -> None:
    done = run(alone, "upgrade")
    assert done.exit_code == 0
    assert done.output.startswith("the tables ordercast_* are at revision ")


def test_doctor_shows_the_librarys_examinations_and_those_handed_in(alone: Flask) -> None:
    def printers() -> str:
        raise Unhealthy("one is out of paper", "Bring paper.")

    alone.extensions["ordercast"].examinations.append(Examination("printers", printers))
    done = run(alone, "doctor")
    assert done.exit_code == 1
    assert "ok    redis: round trip on" in done.output
    assert "FAIL  worker: no worker announces the journal\n" in done.output
    assert "      Run: flask ordercast worker\n" in done.output
    assert done.output.endswith("FAIL  printers: one is out of paper\n      Bring paper.\n")
    flat = alone.test_cli_runner().invoke(args=["doctor"])
    assert "      Run: flask --app wsgi worker\n" in flat.output


def test_doctor_says_the_same_as_json_with_the_worst_level(alone: Flask) -> None:
    done = run(alone, "doctor", "--json")
    said = json.loads(done.output)
    assert (done.exit_code, said["level"]) == (1, "fail")
    found = {finding.pop("name"): finding for finding in said["findings"]}
    assert found["worker"] == {
        "level": "fail",
        "text": "no worker announces the journal",
        "advice": "Run: flask ordercast worker",
    }
    assert found["redis"]["level"] == "ok"
    flat = alone.test_cli_runner().invoke(args=["doctor", "--json"])
    [worker] = [one for one in json.loads(flat.output)["findings"] if one["name"] == "worker"]
    assert worker["advice"] == "Run: flask --app wsgi worker"


@pytest.mark.parametrize("kind", ["user", "session", "token"])
def test_revoke_is_in_force_and_says_whom_it_could_not_count(alone: Flask, kind: str) -> None:
    done = run(alone, "revoke", f"--{kind}", "7")
    assert done.exit_code == 0
    assert done.output == f"revoked {kind} 7: sockets unknown: no web process answered\n"
    marks = alone.extensions["ordercast"].revocations.recent(None)
    assert [mark.what for mark, _ in marks] == [(kind, "7")]


@pytest.mark.parametrize("arguments", [(), ("--user", "7", "--token", "a")])
def test_revoke_takes_one_of_its_options(alone: Flask, arguments: tuple[str, ...]) -> None:
    done = run(alone, "revoke", *arguments)
    assert done.exit_code == 2
    assert "Give one of --user, --session, --token." in done.output


def test_disconnect_is_of_the_connections_alone_and_tells_the_processes(alone: Flask) -> None:
    done = run(alone, "disconnect", "--user", "7")
    assert done.output == "disconnected user 7: sockets unknown: no web process answered\n"
    marks = alone.extensions["ordercast"].revocations.recent(None)
    assert [mark.what for mark, _ in marks] == [("connections", "7")]
    _, [entry] = sequence()
    assert (entry.room, entry.name) == ("control", "disconnect")


TYPES = (
    'declare module "@ordercast/client" {\n  interface Payloads {\n    "order:status": OrderStatus;'
)


def test_types_writes_a_module_and_check_fails_where_it_is_another(
    app: Flask, tmp_path: Path
) -> None:
    file = tmp_path / "ordercast.ts"
    check = ("types", "--check", "--output", str(file))
    missing = run(app, *check)
    assert (missing.exit_code, missing.stderr.partition(":")[0]) == (1, "stale_types")

    shown = run(app, "types")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert TYPES in shown.output
    written = run(app, "types", "--output", str(file))
    assert (written.exit_code, written.output) == (0, "")
    assert file.read_text() == shown.output
    assert run(app, *check).exit_code == 0

    file.write_text(shown.output.replace("stock", "left"))
    stale = run(app, *check)
    assert stale.exit_code == 1
    assert (
        stale.stderr
        == f"stale_types: {file} is not what the app declares: run it without --check\n"
    )
    assert "left" in file.read_text()


def test_types_that_cannot_be_written_or_compared_are_one_line(app: Flask, tmp_path: Path) -> None:
    nowhere = run(app, "types", "--output", str(tmp_path / "none" / "ordercast.ts"))
    assert nowhere.exit_code == 1
    assert nowhere.stderr.startswith("not_written: ")
    assert nowhere.stderr.count("\n") == 1
    without = run(app, "types", "--check")
    assert without.exit_code == 2
    assert "--check needs --output" in without.stderr


@pytest.mark.parametrize("command", ["types", "asyncapi"])
def test_an_app_that_declares_no_event_has_no_types(command: str) -> None:
    app = Flask("team")
    app.config["SECRET_KEY"] = "the team's own"
    Ordercast().init_app(app, SocketIO(), engine=lambda: create_engine("sqlite://"))
    done = run(app, command)
    assert done.exit_code == 1
    assert done.stderr.startswith("no_events: this app declares no events")


def test_asyncapi_is_the_document_that_the_service_answers_with(app: Flask) -> None:
    done = run(app, "asyncapi", "--title", "Ordercast")
    assert done.exit_code == 0
    assert json.loads(done.output) == app.test_client().get("/api/asyncapi.json").get_json()
