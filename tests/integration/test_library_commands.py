"""`flask ordercast ...`: the library's commands, in the marketplace as in any team's app."""

from collections.abc import Iterator

import pytest
from click.testing import Result
from flask import Flask

from app import create_app
from app.config import Settings
from app.db import db
from ordercast import Examination, Unhealthy
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
