"""JSON logs: one object a line, whatever is logged."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app import logs

logger = logging.getLogger("ordercast.test")


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """The root logger, put back as it was."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was written to standard error since the last look, a line each."""
    return [json.loads(line) for line in capsys.readouterr().err.split("\n") if line]


def test_a_line_has_the_fixed_keys_and_the_extra_ones(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    before = datetime.now(UTC).isoformat(timespec="milliseconds")
    logger.info("sequenced", extra={"count": 3, "head": 17})
    (line,) = logged(capsys)
    assert line.pop("time") >= before
    assert isinstance(line.pop("pid"), int)
    assert line == {
        "level": "info",
        "logger": "ordercast.test",
        "message": "sequenced",
        "count": 3,
        "head": 17,
    }


def test_arguments_are_filled_in_and_a_line_break_stays_inside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO")
    logger.warning("hello %s", "two\nlines\u2028")
    (line,) = logged(capsys)
    assert line["message"] == "hello two\nlines\u2028"
    assert line["level"] == "warning"


def test_an_exception_is_one_key_of_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    try:
        dict[str, str]()["lost"]
    except KeyError:
        logger.exception("failed", extra={"sid": "s"})
    (line,) = logged(capsys)
    assert line["message"] == "failed"
    assert line["sid"] == "s"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("KeyError: 'lost'")


CIRCLE: dict[str, Any] = {}
CIRCLE["itself"] = CIRCLE


@pytest.mark.parametrize(
    "value",
    [
        object(),
        b"bytes",
        {1, 2},
        {(1, 2): 3},
        ValueError("x"),
        float("nan"),
        2**80,
        "half a character \ud800",
        CIRCLE,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_no_json_loses_no_line(
    capsys: pytest.CaptureFixture[str], value: object
) -> None:
    logs.configure("INFO")
    logger.info("still here", extra={"value": value, "count": 3})
    (line,) = logged(capsys)
    assert line["message"] == "still here"
    assert line["count"] == 3
    assert "value" in line


def test_configuring_again_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logs.configure("INFO")
    logger.info("once")
    assert [line["message"] for line in logged(capsys)] == ["once"]


def test_configuring_again_changes_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("ERROR")
    logger.info("too quiet")
    logs.configure("DEBUG")
    logger.debug("loud enough")
    assert [line["message"] for line in logged(capsys)] == ["loud enough"]


def test_configuring_leaves_the_handlers_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    try:
        logs.configure("INFO")
        assert other in logging.getLogger().handlers
    finally:
        logging.getLogger().removeHandler(other)


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
@pytest.mark.parametrize("name", ["socketio", "engineio", "geventwebsocket.handler"])
def test_the_libraries_own_chatter_is_never_shown(
    capsys: pytest.CaptureFixture[str], name: str, level: str
) -> None:
    logs.configure(level)
    logging.getLogger(name).info("GET /socket.io/?token=secret")
    assert logged(capsys) == []


def test_an_outage_has_its_keys_in_the_place_of_a_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO")
    error = OperationalError("SELECT 1", None, Exception("server closed the connection"))
    for _ in range(2):
        logger.error("database unavailable", exc_info=error)
    (line,) = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert "exception" not in line
    keys = ("message", "kind", "error", "repeated")
    said = ("database unavailable", "unavailable", "server closed the connection", 0)
    assert tuple(line[key] for key in keys) == said
