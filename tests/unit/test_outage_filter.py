"""An outage in the log: one line a second of each kind, without a traceback."""

import importlib
import logging
import pkgutil

import pytest
import redis
from sqlalchemy.exc import OperationalError

import ordercast
import ordercast.live.follower
from ordercast.outage_filter import OutageFilter, filter_own_loggers

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
    follower = logging.getLogger("ordercast.live.follower")
    for _ in range(2):
        filter_own_loggers()
    assert len(follower.filters) == 1
    for _ in range(3):
        follower.error("journal not readable, said a test", exc_info=DOWN)
    assert lines(caplog) == [
        "journal not readable, said a test\nunavailable: server closed the connection unexpectedly"
    ]
    assert vars(caplog.records[0])["outage"]["kind"] == "unavailable"


def test_every_logger_of_the_library_is_filtered() -> None:
    for module in pkgutil.walk_packages(ordercast.__path__, "ordercast."):
        if ".migrations.versions" not in module.name and module.name != "ordercast.gunicorn":
            importlib.import_module(module.name)
    filter_own_loggers()
    names = [name for name in logging.root.manager.loggerDict if name.startswith("ordercast.")]
    loggers = [logging.getLogger(name) for name in names]
    assert "ordercast.worker.loop" in names
    unfiltered = [
        logger.name
        for logger in loggers
        if not any(isinstance(one, OutageFilter) for one in logger.filters)
    ]
    assert unfiltered == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (redis.ConnectionError("refused"), "redis unavailable"),
        (redis.exceptions.BusyLoadingError("loading"), "redis unavailable"),
        (redis.TimeoutError("no answer"), "redis unavailable"),
        (redis.ReadOnlyError("a replica"), "redis read-only"),
        (redis.OutOfMemoryError("maxmemory"), "redis full"),
    ],
)
def test_an_outage_of_redis_is_one_line_too(
    error: redis.RedisError, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger(f"a.team.of.{type(error).__name__}")
    logger.addFilter(OutageFilter())
    for _ in range(2):
        logger.error("step failed", exc_info=error)
    assert lines(caplog) == [f"step failed\n{kind}: {error}"]


def test_a_command_that_redis_refuses_is_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("a.team")
    logger.addFilter(OutageFilter())
    logger.error("step failed", exc_info=redis.ResponseError("unknown command"))
    assert lines(caplog)[0].endswith("ResponseError: unknown command")
