"""How a command fails: one line on standard error, and the exit code 1."""

from typing import NoReturn

import click

from app.accounts import issuers
from app.errors import OrdercastError


def fail(code: str, message: str) -> NoReturn:
    click.echo(f"{code}: {message}", err=True)
    raise SystemExit(1)


def require_local_accounts() -> None:
    """For what makes no sense where the users are another service's."""
    try:
        issuers.require_local_accounts()
    except OrdercastError as exc:
        fail(exc.code, exc.message)
