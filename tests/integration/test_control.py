"""Control through the journal: revocations and disconnects reach each process once, in order."""

from dataclasses import replace

import orjson
from flask import Flask

from app.db import db, transaction
from app.extension import cast
from ordercast.events import CONTROL_ROOM
from ordercast.journal import Entry
from ordercast.live.follower import Follower
from ordercast.revocation import Mark
from tests.harness.application import journal
from tests.harness.application.journal import sequence_once
from tests.harness.application.tabs import somebody


class Process:
    """A follower, and what it told the sockets of its process to do, in order."""

    def __init__(self, app: Flask) -> None:
        self.did: list[str] = []
        self.follower = Follower(journal.of(app), self)
        self.follower.step()

    def hosts(self, _rooms: object) -> bool:
        return True

    def note_position(self, position: int) -> None:
        pass

    def emit_entry(self, entry: Entry) -> None:
        self.did.append(f"emit {orjson.loads(entry.data)['text']}")

    def dismiss(self, mark: Mark) -> None:
        self.did.append(f"dismiss {mark.kind} {mark.value}")

    def close_all(self) -> None:
        raise AssertionError("nothing is missed for good here")


def emit(text: str) -> None:
    with transaction():
        journal.append("user:7", "test", {"text": text})


def happenings() -> list[str]:
    """Events and control, one after the other -> what each process has to do."""
    emit("1")
    cast.disconnect(user="7")
    emit("2")
    cast.revoke(user="7")
    cast.revoke(token="a-jti")
    emit("3")
    return [
        "emit 1",
        "dismiss connections 7",
        "emit 2",
        "dismiss user 7",
        "dismiss token a-jti",
        "emit 3",
    ]


def test_control_keeps_its_place_between_the_events_in_every_process(app: Flask) -> None:
    processes = [Process(app), Process(app)]
    todo = happenings()
    messages: list[bytes] = []
    while sequence_once(messages.append, limit=2):
        continue
    quick, deaf = processes
    for message in [*messages, *messages]:  # and everything a second time
        quick.follower.receive(message)
    deaf.follower.read_soon()
    for process in processes:
        process.follower.step()
        assert process.did == todo


def test_a_process_that_starts_later_is_told_nothing_of_before(app: Flask) -> None:
    # Connections that it will have are later than these; its revocations come from the table.
    happenings()
    sequence_once(lambda message: None)
    process = Process(app)
    emit("now")
    sequence_once(process.follower.receive)
    assert process.did == ["emit now"]
    assert ("user", "7") in [mark.what for mark, _ in cast.revocations.recent(None)]


def test_a_disconnect_that_is_rolled_back_did_not_happen(app: Flask) -> None:
    with transaction() as session:
        cast.disconnect(user="7", within=session)
        session.rollback()
    sequence_once(lambda message: None)
    assert journal.since(0, limit=9) == []


def test_a_disconnect_changes_no_account_and_revokes_nothing(app: Flask) -> None:
    cast.disconnect(user="somebody of another issuer")
    sequence_once(lambda message: None)
    [entry] = journal.since(0, limit=9)
    assert (entry.room, entry.name) == (CONTROL_ROOM, "disconnect")
    assert orjson.loads(entry.data).keys() == {"userId", "at"}
    cast.revocations.check(replace(somebody("somebody of another issuer"), jti="connections"))
    db.session.rollback()


def test_a_control_event_of_the_release_before_is_understood(app: Flask) -> None:
    """Of a disconnect it did not say when."""
    process = Process(app)
    with transaction():
        journal.append(CONTROL_ROOM, "disconnect", {"userId": "7"})
    sequence_once(process.follower.receive)
    assert process.did == ["dismiss connections 7"]
