"""Commands that report an expected failure on one line of standard error, with the exit code 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from ordercast.database import explain
from ordercast.errors import OrdercastError
from ordercast.settings import ConfigError


def fail(code: str, message: str) -> NoReturn:
    """End the command: `code: message`, and the exit code 1."""
    click.echo(f"{code}: {message}", err=True)
    raise SystemExit(1)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OrdercastError as exc:
        fail(exc.code, exc.message)
    except ConfigError as exc:
        fail("config_error", str(exc))
    except SQLAlchemyError as exc:
        if (found := explain(exc)) is None:
            raise
        fail("database_unavailable", f"{found[0].value}: {found[1]}")


class Command(click.Command):
    """Fails on one line for an error of the library, a wrong setting, and a database that is
    unavailable; any other error keeps its traceback."""

    def invoke(self, context: click.Context) -> object:
        with _reported():
            return super().invoke(context)


class CommandGroup(AppGroup):
    """A group of such commands."""

    command_class = Command

    def invoke(self, context: click.Context) -> object:
        with _reported():  # a group may do something without a subcommand
            return super().invoke(context)
