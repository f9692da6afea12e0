"""A PostgreSQL that hangs: it takes statements, keeps its connections, and says nothing."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import literal, select
from sqlalchemy.exc import OperationalError

from app import create_app
from app.config import Settings
from app.db import db
from tests.harness.application.market import good
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import SECRET
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

ANSWER_SECONDS = 1.0


@pytest.fixture
def limited(own_postgres: tuple[Postgres, str], redis_server: RedisServer) -> Iterator[Flask]:
    """A process with a session in its pool, that waits for an answer for a second."""
    app = create_app(
        Settings.of(DATABASE_URL=own_postgres[1], REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET)
    )
    with app.app_context():
        app.extensions["ordercast"].database.limit_answers(ANSWER_SECONDS)
        db.session.execute(select(literal(1)))
        db.session.rollback()
        yield app
        db.session.remove()
        db.engine.dispose()


def test_a_statement_without_an_answer_is_given_up_and_so_is_its_session(
    limited: Flask, own_postgres: tuple[Postgres, str]
) -> None:
    server, _ = own_postgres
    held = db.session.connection()
    server.freeze()
    with pytest.raises(OperationalError, match="no answer for 1 s"):
        held.execute(select(literal(1)))
    db.session.rollback()
    server.thaw()
    assert db.session.scalar(select(literal(2))) == 2


def test_a_request_is_answered_while_the_database_hangs_and_served_after_it(
    limited: Flask, own_postgres: tuple[Postgres, str]
) -> None:
    server, _ = own_postgres
    visitor = Visitor(limited)
    good(visitor.register(), 201)
    access = visitor.pair()["accessToken"]
    server.freeze()
    answer = visitor.me(access)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "database_unavailable")
    server.thaw()
    good(visitor.me(access))
