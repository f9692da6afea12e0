"""One id through the log, the event's row, the worker's log and the answer."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import logs
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.db import db
from ordercast.journal.tables import EVENTS
from tests.harness.application.journal import sequence_once
from tests.harness.people.visitor import Visitor

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
NO_TRACES = (
    TRACEPARENT.upper(),
    f"ff-{TRACE}-00f067aa0ba902b7-01",
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE}",
    "rubbish",
    "",
)


@pytest.fixture
def notify(
    app: Flask,
    make_user: Callable[..., Identity],
    bearer: Callable[[Identity], dict[str, str]],
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., dict[str, Any]]:
    """A request that appends an event, with these headers -> where its id is to be found."""
    admin = make_user("Dora", Role.ADMIN)

    def call(**headers: str) -> dict[str, Any]:
        capsys.readouterr()
        logs.configure("INFO")  # on the standard error of now
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        body = {"userId": "7", "title": "Hello", "message": "Hello", "type": "info"}
        answer = Visitor(app).call(
            "POST", "/api/notifications", json=body, headers={**bearer(admin), **given}
        )
        assert answer.status_code == 201, answer.text
        sequence_once(lambda _: None)
        written = capsys.readouterr().err.splitlines()
        lines = [json.loads(line) for line in written if line.startswith("{")]
        [access] = [line for line in lines if line["message"] == "request"]
        [worker] = [line for line in lines if line["message"] == "sequenced"]
        newest = select(EVENTS.c.request_id).order_by(EVENTS.c.id.desc()).limit(1)
        with db.engine.connect() as connection:
            row = connection.scalars(newest).one()
        return {
            "answer": answer.headers["X-Request-ID"],
            "log": access["request_id"],
            "trace": access.get("trace_id"),
            "row": row,
            "worker": worker["requests"],
        }

    return call


def everywhere(id: str, trace: str | None = None) -> dict[str, Any]:
    return {"answer": id, "log": id, "trace": trace, "row": id, "worker": [id]}


def test_the_id_of_a_request_is_everywhere(notify: Callable[..., dict[str, Any]]) -> None:
    assert notify(X_Request_ID="checkout-991") == everywhere("checkout-991")


def test_a_request_without_an_id_gets_one_of_its_own(
    notify: Callable[..., dict[str, Any]],
) -> None:
    first, second = notify(), notify(X_Request_ID=' "\t ')
    assert first == everywhere(first["answer"])
    assert second == everywhere(second["answer"])
    assert len(first["answer"]) == len(second["answer"]) == 16
    assert first["answer"] != second["answer"]


def test_a_trace_is_taken_over(notify: Callable[..., dict[str, Any]]) -> None:
    assert notify(traceparent=TRACEPARENT) == everywhere(TRACE, TRACE)
    both = notify(traceparent=TRACEPARENT, X_Request_ID="mine")
    assert both == everywhere("mine", TRACE)


@pytest.mark.parametrize("given", NO_TRACES)
def test_what_is_no_traceparent_is_left(notify: Callable[..., dict[str, Any]], given: str) -> None:
    found = notify(traceparent=given)
    assert found == everywhere(found["answer"])
    assert TRACE not in found["answer"].lower()


def test_an_answer_of_another_id_is_left_as_it_is(app: Flask) -> None:
    @app.get("/another")
    def another() -> tuple[str, dict[str, str]]:
        return "", {"X-Request-ID": "the-views-own"}

    answer = Visitor(app).call("GET", "/another", headers={"X-Request-ID": "mine"})
    assert answer.headers["X-Request-ID"] == "the-views-own"


def test_an_error_has_the_id_too(app: Flask) -> None:
    answer = Visitor(app).call("GET", "/nothing", headers={"X-Request-ID": "mine"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (404, "mine")
