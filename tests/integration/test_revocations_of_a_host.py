"""Two server processes of a host: what one has revoked, the other refuses at its next request."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from app import create_app
from app.accounts import administration
from app.accounts.administration import Person
from app.config import Settings
from app.db import db, now, transaction
from app.extension import cast
from ordercast.errors import TokenRevoked
from ordercast.identity import TokenIdentity
from ordercast.revocation import RevocationKind, RevocationStore, Rules
from ordercast.revocation.counter import HostCounter
from tests.harness.application.tabs import statements
from tests.harness.waiting import wait_until

ALICE = TokenIdentity("7", session="login", jti="token")
BOB = TokenIdentity("8", session="another", jti="other")


class Process:
    """A server process beside that of the test."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.store: RevocationStore = app.extensions["ordercast"].revocations
        self.store.start()
        with app.app_context():
            self.engine = db.engine

    def refuses(self, identity: TokenIdentity = ALICE) -> bool:
        try:
            self.store.check(identity)
        except TokenRevoked:
            return True
        return False

    @contextmanager
    def meanwhile(self, moment: str, work: Callable[[], object]) -> Iterator[None]:
        """Do the work when this process next asks the database: `before_cursor_execute`, or
        `after_cursor_execute`, when its answer is known."""
        done: list[object] = []

        def once(*_: Any) -> None:
            if not done:
                done.append(work())

        event.listen(self.engine, moment, once)
        try:
            yield
        finally:
            event.remove(self.engine, moment, once)
        assert done, "the database was asked"


def questions(asked: list[str]) -> int:
    """How many of these statements read the table."""
    return sum("FROM ordercast_revocations" in statement for statement in asked)


@pytest.fixture
def other(app: Flask, settings: Settings) -> Iterator[Process]:
    """The other process has checked somebody, and would trust its memory."""
    process = Process(create_app(settings))
    assert not process.refuses()
    yield process
    process.engine.dispose()
    process.store._counter.remove()


@pytest.fixture
def counted(other: Process) -> Path:
    """The file of the host's count."""
    path = other.store._counter._path()
    assert path is not None
    return path


def test_a_connect_is_refused_and_let_in_again_at_once(app: Flask, other: Process) -> None:
    """The race: the other process has read the table less than a second ago."""
    memory = other.store.memory
    assert memory.refusal(ALICE) is None
    revoke_in_a_session()
    assert isinstance(memory.refusal(ALICE), TokenRevoked)
    assert memory.refusal(BOB) is None
    assert administration.disable(Person("8", None)) == 0
    assert isinstance(memory.refusal(BOB), TokenRevoked)
    assert administration.enable(Person("8", None))
    later = int(time.time()) + 60
    back = TokenIdentity("8", session="new", jti="new", issued_at=later, is_local=True)
    assert memory.refusal(back) is None


def revoke_in_a_session() -> None:
    with transaction() as session:
        cast.revoke(session="login", within=session)


def revoke_over_a_connection() -> None:
    with db.engine.begin() as connection:
        cast.revoke(session="login", within=connection)


def revoke_in_autocommit() -> None:
    with db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        cast.revoke(session="login", within=connection)
        if db.engine.dialect.name == "sqlite":
            connection.commit()  # here every transaction begins with a BEGIN


def revoke_in_a_session_that_joined() -> None:
    with db.engine.begin() as connection:
        with Session(connection) as session:
            cast.revoke(session="login", within=session)
            session.commit()
        connection.execute(select(1))


def revoke_before_a_savepoint_is_rolled_back() -> None:
    with transaction() as session:
        cast.revoke(session="login", within=session)
        session.begin_nested().rollback()


WAYS = [
    lambda: cast.revoke(session="login"),
    revoke_in_a_session,
    revoke_over_a_connection,
    revoke_in_autocommit,
    revoke_in_a_session_that_joined,
    revoke_before_a_savepoint_is_rolled_back,
]


@pytest.mark.parametrize("revoke", WAYS)
def test_what_this_process_revoked_the_other_refuses_at_once(
    other: Process, revoke: Callable[[], object]
) -> None:
    revoke()
    assert other.refuses()
    assert not other.refuses(BOB)


def test_the_database_is_not_asked_while_nothing_is_revoked(other: Process) -> None:
    def is_unasked() -> bool:
        with statements(other.engine) as asked:
            assert not other.refuses()
            assert not other.refuses(BOB)
        return not asked

    # The memory is also read again when it is old, by a clock that this test does not own.
    wait_until(is_unasked, "two checks in a row are answered from memory")


def test_a_process_that_serves_nobody_asks_each_time(app: Flask) -> None:
    for _ in range(2):
        with statements(db.engine) as asked:
            cast.revocations.check(ALICE)
        assert questions(asked) == 1


def test_what_another_host_revoked_is_refused_within_a_second(other: Process) -> None:
    """As is what a process has committed that was killed before it counted."""
    with db.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ordercast_revocations (kind, value, revoked_at)"
                " VALUES ('session', 'login', :moment)"
            ),
            {"moment": now() if db.engine.dialect.name == "postgresql" else f"{now():%F %T.%f}"},
        )
    wait_until(other.refuses, "the table was read again")


@pytest.mark.parametrize("moment", ["before_cursor_execute", "after_cursor_execute"])
def test_a_revocation_during_the_read_is_refused_by_the_next_check(
    other: Process, moment: str
) -> None:
    """The race: the other process has noticed an earlier revocation, and reads the table; this one
    commits when that read has begun, or has ended. The count that the read was for is older."""
    cast.revoke(session="of somebody else")
    with other.meanwhile(moment, revoke_in_a_session):
        other.refuses()
    assert other.refuses()


def test_a_check_between_the_announcement_and_the_commit_hides_nothing(other: Process) -> None:
    """The race: SQLAlchemy tells of a Connection's COMMIT before it is sent; meanwhile the other
    process checks, and reads a table without the revocation."""
    asked: list[bool] = []
    with db.engine.connect() as connection:
        cast.revoke(session="login", within=connection)
        event.listen(connection, "commit", lambda _: asked.append(other.refuses()))
        connection.commit()
        assert other.refuses()
    assert asked == [False]


def test_what_is_rolled_back_is_not_refused(other: Process) -> None:
    with transaction() as session:
        cast.revoke(session="login", within=session)
        session.rollback()
    with db.engine.connect() as connection:
        cast.revoke(session="login", within=connection)
        connection.rollback()
    assert not other.refuses()


@pytest.mark.parametrize("is_session", [True, False])
def test_a_revocation_of_a_long_transaction_is_refused(other: Process, is_session: bool) -> None:
    """The race: the transaction was open for longer than the processes read back."""
    times = iter([now() - timedelta(hours=1), now(), now()])
    service = current_app.extensions["ordercast"]
    store = RevocationStore(
        service.database, Rules(), append=service.journal.append, clock=times.__next__
    )
    with Session(db.engine) if is_session else db.engine.connect() as within:
        store.add(within, RevocationKind.SESSION.value, "login")
        within.commit()
    assert other.refuses()


def test_a_file_that_was_removed_hides_nothing(other: Process, counted: Path) -> None:
    """The race: a cleaner removes the file before a revocation, or after it."""
    counted.unlink()
    cast.revoke(session="login")
    assert other.refuses()

    cast.revoke(user="8")
    counted.unlink()
    assert other.refuses(BOB)


def test_a_file_of_others_does_not_count(other: Process, counted: Path) -> None:
    """The table is asked each time."""
    counted.chmod(0o666)
    with statements(other.engine) as asked:
        assert not other.refuses()
        assert not other.refuses()
    assert questions(asked) == 2
    counted.unlink()
    counted.symlink_to("/etc/hostname")
    assert other.store._counter.read() is None
    counted.unlink()


def test_a_count_that_cannot_be_written_is_removed(other: Process, counted: Path) -> None:
    """A file that is missing says the same."""
    counted.unlink()
    counted.mkdir(mode=0o700)
    other.store._counter.add()
    assert other.store._counter.read() is None
    counted.rmdir()
    assert other.store._counter.read() is not None


def test_a_database_in_memory_has_no_count() -> None:
    counter = HostCounter(lambda: None)
    counter.add()
    counter.announce()
    counter.remove()
    assert counter.read() is None


def test_a_count_changes_with_each_revocation(tmp_path: Path) -> None:
    """Also within one tick of the file system's clock."""
    name = f"{tmp_path}-{os.getpid()}-{time.time_ns()}"
    one, another = HostCounter(lambda: name), HostCounter(lambda: name)
    seen = {one.read()}
    for _ in range(100):
        another.add()
        seen.add(one.read())
    assert len(seen) == 101
    one.remove()
    assert another.read() not in seen
    another.remove()
