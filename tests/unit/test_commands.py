"""A team's own commands report an expected failure on one line."""

import click
import pytest
from click.testing import CliRunner
from flask.cli import ScriptInfo
from sqlalchemy.exc import IntegrityError, OperationalError

from ordercast import Command, CommandGroup, ConfigError, Refused, fail

FAILURES = [
    (Refused("no such event"), "event_refused: no such event"),
    (ConfigError("REDIS_URL is missing"), "config_error: REDIS_URL is missing"),
    (
        OperationalError("SELECT 1", None, Exception("refused")),
        "database_unavailable: unavailable: refused",
    ),
]


def failing(error: Exception) -> click.Command:
    @click.command(cls=Command)
    def parcels() -> None:
        raise error

    return parcels


@pytest.mark.parametrize(("error", "line"), FAILURES)
def test_an_expected_failure_is_one_line(error: Exception, line: str) -> None:
    done = CliRunner().invoke(failing(error))
    assert done.exit_code == 1
    assert done.stderr.endswith(line.partition(": ")[2] + "\n")
    assert done.stderr.count("\n") == 1


def test_a_command_of_a_group_fails_alike() -> None:
    group = CommandGroup("depot")

    @group.command(with_appcontext=False)
    def close() -> None:
        fail("not_empty", "the depot has parcels")

    assert isinstance(close, Command)
    done = CliRunner().invoke(group, ["close"], obj=ScriptInfo())
    assert (done.exit_code, done.stderr) == (1, "not_empty: the depot has parcels\n")


def test_a_fault_keeps_its_traceback() -> None:
    fault = IntegrityError("INSERT", None, Exception("twice"))
    done = CliRunner().invoke(failing(fault))
    assert done.exception is fault
