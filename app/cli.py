"""The commands, under `flask --app wsgi`:

worker | emit | token | users | revoke | disconnect | demo-data | doctor
"""

import secrets
from typing import NoReturn

import click
import orjson
from flask import Flask, current_app
from flask.cli import AppGroup
from pydantic import ValidationError
from sqlalchemy import select

from app import demo, doctor
from app.accounts import disconnection, issuers, revocation, service, tokens
from app.accounts.details import AccountDetails
from app.accounts.models import RevocationKind, Role, User
from app.complaints import sentence
from app.db import db, row_id
from app.doctor import Level
from app.emitters import Emitters, Inbox, InboxUnavailable, InvalidEvent, Refused
from app.errors import OrdercastError
from app.worker import loops

COMMANDS = {
    "order-status": Emitters.order_status_update,
    "order-new": Emitters.new_order_for_seller,
    "low-stock": Emitters.low_stock_alert,
    "notification": Emitters.send_notification,
}

MARKS = {Level.OK: "ok  ", Level.WARN: "WARN", Level.FAIL: "FAIL"}

emit = AppGroup("emit", help="Emit a durable event, through the inbox.")


@click.group("users", cls=AppGroup, invoke_without_command=True)
@click.pass_context
def users(context: click.Context) -> None:
    """List the accounts; `users add` makes one."""
    if context.invoked_subcommand is None:
        context.invoke(list_users)


def init_app(app: Flask) -> None:
    for command in (worker, emit, token, users, revoke, disconnect, demo_data, examine):
        app.cli.add_command(command)


@click.command()
def worker() -> None:
    """Sequence events, drain the inbox, cancel unpaid orders, prune; any number may run."""
    loops.run(current_app._get_current_object())  # type: ignore[attr-defined]


def _emit_command(name: str) -> click.Command:
    @click.command(name, help=f"Emit {COMMANDS[name].__doc__}")
    @click.option("--user", "--seller", "receiver", required=True, help="Whose room it goes to.")
    @click.option("--data", required=True, help="The payload, as JSON.")
    @click.option("--id", help="Your id for it: a repeat with the same one is harmless.")
    def command(receiver: str, data: str, id: str | None) -> None:
        try:
            payload = orjson.loads(data)
            settings = current_app.config["SETTINGS"]
            inbox = Inbox(settings.REDIS_URL, prefix=settings.REDIS_PREFIX)
            send = inbox.send if id is None else inbox.once(id)
            COMMANDS[name](Emitters(send), receiver, payload)
        except orjson.JSONDecodeError as exc:
            _fail("malformed_json", f"--data is not JSON: {exc}")
        except (InvalidEvent, Refused, InboxUnavailable) as exc:
            _fail(exc.code, str(exc))
        click.echo("accepted")

    return command


for _name in COMMANDS:
    emit.add_command(_emit_command(_name))


@click.command()
@click.option("--sub", required=True, help="The user id.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=tokens.ACCESS_SECONDS, show_default=True
)
def token(sub: str, role: str, seconds: float) -> None:
    """Print an access token for a user id; no account is needed for connecting."""
    if not issuers.signs_here(current_app.config["SETTINGS"]):
        _fail("foreign_issuer", "With JWT_PUBLIC_KEY only its owner's tokens are good: ask there.")
    click.echo(tokens.issue("access", sub, Role(role), seconds=seconds))


@users.command("list")
def list_users() -> None:
    """List the accounts."""
    for user in db.session.scalars(select(User).order_by(User.id)):
        click.echo(f"{user.id:>6}  {user.role:<8}  {user.email:<32}  {user.name}")


@users.command("add")
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--password", help="Generated and printed if omitted.")
@click.option("--id", "number", help="Without local accounts: the user's id in the tokens.")
def add_user(email: str, name: str, role: str, password: str | None, number: str | None) -> None:
    """Make an account; the only way to make an admin."""
    local = current_app.config["SETTINGS"].has_local_accounts
    if local == (number is not None):
        why = "are numbered here" if local else "are another service's: give the --id of its tokens"
        _fail("id_given" if local else "id_missing", f"The users {why}.")
    if number is not None and row_id(number) is None:
        _fail("validation_error", f"An id is a number from 1 up: {number!r}.")
    made = password or secrets.token_urlsafe(12)
    try:
        details = AccountDetails(email=email, password=made, name=name)
        user = service.register_user(
            **details.model_dump(), role=Role(role), user_id=row_id(number) if number else None
        )
    except ValidationError as exc:
        _fail("validation_error", sentence(exc, "account"))
    except OrdercastError as exc:
        _fail(exc.code, exc.message)
    click.echo(
        f"{user['id']}  {user['role']}  {user['email']}"
        + (f"  {made}" if local and not password else "")
    )


@click.command()
@click.option("--user", help="Every token of this user id issued until now.")
@click.option("--session", help="One login, by the token's `session`.")
@click.option("--token", "jti", help="One token, by its `jti`.")
def revoke(user: str | None, session: str | None, jti: str | None) -> None:
    """Revoke tokens and close the sockets that use them, in every process."""
    given = {
        RevocationKind.USER: user,
        RevocationKind.SESSION: session,
        RevocationKind.TOKEN: jti,
    }
    chosen = [(kind, value) for kind, value in given.items() if value]
    if len(chosen) != 1:
        raise click.UsageError("Give one of --user, --session, --token.")
    revocation.revoke(*chosen[0])
    click.echo("revoked")


@click.command()
@click.option("--user", required=True, help="The user id.")
def disconnect(user: str) -> None:
    """Close the sockets that a user has now, in every process; the tokens stay good."""
    disconnection.disconnect_user(user)
    click.echo("disconnected")


@click.command("demo-data")
@click.option("--yes", is_flag=True, help="Also beside real accounts, or on another machine.")
def demo_data(yes: bool) -> None:
    """Make the demo accounts and products, where they are missing, and print the logins."""
    _require_local_accounts()
    try:
        if not yes:
            demo.check_place()
    except demo.DemoRefused as exc:
        _fail(
            exc.code,
            f"{exc} Everybody knows the demo's password, its admin's too. --yes: all the same.",
        )
    for account in demo.make():
        click.echo(f"  {account.role:<8}  {account.email:<22}  {demo.PASSWORD}")


@click.command("doctor")
def examine() -> None:
    """Check everything the service needs, and say what to do about what is wrong."""
    levels = set()
    for finding in doctor.examine(current_app.config["SETTINGS"]):
        levels.add(finding.level)
        click.echo(f"{MARKS[finding.level]}  {finding.name}: {finding.text}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
    if Level.FAIL in levels:
        raise SystemExit(1)


def _require_local_accounts() -> None:
    try:
        issuers.require_local_accounts()
    except OrdercastError as exc:
        _fail(exc.code, exc.message)


def _fail(code: str, message: str) -> NoReturn:
    click.echo(f"{code}: {message}", err=True)
    raise SystemExit(1)
