"""An outage in the log: one line a second of each kind, without a traceback."""

import ast
import logging
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

import ordercast
from ordercast.database import OutageFilter, filter_own_loggers
from ordercast.database.log_filter import LOGGERS

PACKAGE = Path(ordercast.__file__).parent
DOWN = OperationalError("SELECT 1", None, Exception("server closed the connection\nunexpectedly"))
KINDS = {ConnectionError: ("unavailable", "refused"), TimeoutError: ("busy", "no answer")}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """As a formatter of the standard library writes them."""
    formatter = logging.Formatter("%(message)s")
    return [formatter.format(record) for record in caplog.records]


@pytest.fixture
def logger() -> logging.Logger:
    made = logging.getLogger("a.team")
    for old in list(made.filters):
        made.removeFilter(old)
    made.addFilter(OutageFilter(lambda error: KINDS.get(type(error))))  # type: ignore[arg-type]
    return made


def test_of_many_lines_of_an_outage_one_passes_and_another_error_keeps_its_traceback(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    for error in (ConnectionError(), ConnectionError(), TimeoutError()):
        logger.error("failed", exc_info=error)
    logger.error("failed elsewhere", exc_info=ConnectionError())
    logger.error("failed", exc_info=ValueError("a fault"))
    logger.error("failed without an error")
    *outages, fault, plain = lines(caplog)
    assert outages == [
        "failed\nunavailable: refused",
        "failed\nbusy: no answer",
        "failed elsewhere\nunavailable: refused",
    ]
    assert fault.endswith("ValueError: a fault")
    assert plain == "failed without an error"


def test_any_team_has_one_line_for_an_outage_of_the_library(
    caplog: pytest.LogCaptureFixture,
) -> None:
    filter_own_loggers()
    filter_own_loggers()
    for name in LOGGERS:
        assert len(logging.getLogger(name).filters) == 1
    for _ in range(3):
        logging.getLogger(LOGGERS[0]).error("journal not readable", exc_info=DOWN)
    assert lines(caplog) == [
        "journal not readable\nunavailable: server closed the connection unexpectedly"
    ]
    assert vars(caplog.records[0])["outage"]["kind"] == "unavailable"


def test_every_module_that_logs_tracebacks_is_filtered() -> None:
    found = {
        ".".join(("ordercast", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in PACKAGE.rglob("*.py")
        if logs_tracebacks(path.read_text())
    }
    assert found == set(LOGGERS)


def logs_tracebacks(source: str) -> bool:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return any(
        (isinstance(call.func, ast.Attribute) and call.func.attr == "exception")
        or any(keyword.arg == "exc_info" for keyword in call.keywords)
        for call in calls
    )
