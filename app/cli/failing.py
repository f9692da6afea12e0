"""Failures of commands: one line on standard error, and the exit code 1."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import click
from sqlalchemy.exc import SQLAlchemyError

from app.accounts import issuers
from app.errors import MarketplaceError
from ordercast import explain


def fail(code: str, message: str) -> NoReturn:
    click.echo(f"{code}: {message}", err=True)
    raise SystemExit(1)


def require_local_accounts() -> None:
    """Fail a command that needs local accounts when the users are another service's."""
    try:
        issuers.require_local_accounts()
    except MarketplaceError as exc:
        fail(exc.code, exc.message)


def answer_outages(command: click.Command) -> None:
    """Report an unavailable database in one line, in this command and its subcommands."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            answer_outages(each)
    if command.callback is not None and not hasattr(command.callback, "outages_answered"):
        command.callback = _answered(command.callback)


def _answered(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return callback(*arguments, **options)
        except SQLAlchemyError as exc:
            if (found := explain(exc)) is None:
                raise
            fail("database_unavailable", f"{found[0].value}: {found[1]}")

    run.outages_answered = True  # type: ignore[attr-defined]
    return run
