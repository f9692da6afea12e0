"""Accounts: list, add, disable, enable, change the role or the password."""

import secrets

import click
from pydantic import ValidationError
from sqlalchemy import select

from app.accounts import administration, service
from app.accounts.details import AccountDetails, NewPassword
from app.accounts.models import DISABLED, Role, User
from app.accounts.revocation import ACCOUNT
from app.cli import people
from app.cli.issuers import require_local_accounts
from app.db import db, row_id
from app.errors import MarketplaceError
from ordercast import CommandGroup, RevocationKind, fail, sentence_of

ROLES = click.Choice([role.value for role in Role])


@click.group("users", cls=CommandGroup, invoke_without_command=True)
@click.pass_context
def users(context: click.Context) -> None:
    """List the accounts, or change them with a subcommand."""
    if context.invoked_subcommand is None:
        context.invoke(list_users)


@users.command("list")
def list_users() -> None:
    """List the accounts."""
    for user in db.session.scalars(select(User).order_by(User.id)):
        state = "" if user.disabled_at is None else f"  {DISABLED}"
        click.echo(f"{user.id:>6}  {user.role:<8}  {user.email:<32}  {user.name}{state}")


@users.command("add")
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--role", type=ROLES, required=True)
@click.option("--password", help="Generated and printed if omitted.")
@click.option("--id", "number", help="Only without local accounts: the user's id in the tokens.")
def add_user(email: str, name: str, role: str, password: str | None, number: str | None) -> None:
    """Make an account; the only way to make an admin."""
    local = people.settings().has_local_accounts
    if local == (number is not None):
        why = "are numbered here" if local else "are another service's: give the --id of its tokens"
        fail("id_given" if local else "id_missing", f"The users {why}.")
    if number is not None and row_id(number) is None:
        fail("validation_error", f"An id is a number from 1 up: {number!r}.")
    if number is not None and (taken := administration.find(number)) and taken.email:
        fail("id_taken", f"The user {number} has an account already: {taken.email}.")
    made = password or secrets.token_urlsafe(12)
    try:
        details = AccountDetails(email=email, password=made, name=name)
        user = service.register_user(
            **details.model_dump(), role=Role(role), user_id=row_id(number) if number else None
        )
    except ValidationError as exc:
        fail("validation_error", sentence_of(exc, "account"))
    except MarketplaceError as exc:
        fail(exc.code, exc.message)
    click.echo(
        f"{user['id']}  {user['role']}  {user['email']}"
        + (f"  {made}" if local and not password else "")
    )


@users.command("disable")
@click.argument("id_or_email", metavar="EMAIL_OR_ID")
def disable(id_or_email: str) -> None:
    """Refuse a user's logins, refreshes and tokens until `users enable`."""
    person, counted = people.anybody(id_or_email)
    ended = administration.disable(person)
    click.echo(f"disabled {people.named(person)}: {people.sessions(ended)}, {counted}")


@users.command("enable")
@click.argument("id_or_email", metavar="EMAIL_OR_ID")
def enable(id_or_email: str) -> None:
    """Let a disabled user log in again."""
    person = administration.find(id_or_email)
    if person is None or not administration.enable(person):
        fail("not_found", f"No user {id_or_email!r} is disabled.")
    click.echo(f"enabled {people.named(person)}")


@users.command("role")
@click.argument("id_or_email", metavar="EMAIL_OR_ID")
@click.argument("role", type=ROLES)
def change_role(id_or_email: str, role: str) -> None:
    """Give an account another role; its clients refresh their tokens at once."""
    require_local_accounts()
    person = people.account(id_or_email)
    counted = people.sockets(ACCOUNT, person.id, role)
    administration.change_role(person, Role(role))
    click.echo(f"{people.named(person)} is {role} now: {counted}")


@users.command("password")
@click.argument("id_or_email", metavar="EMAIL_OR_ID")
@click.option("--password", help="Generated and printed if omitted.")
def change_password(id_or_email: str, password: str | None) -> None:
    """Give an account another password, and end its sessions."""
    require_local_accounts()
    person = people.account(id_or_email)
    made = password or secrets.token_urlsafe(12)
    counted = people.sockets(RevocationKind.CONNECTIONS, person.id)
    try:
        checked = NewPassword(email=person.email or "", password=made)
        ended = administration.change_password(person, checked.password)
    except ValidationError as exc:
        fail("validation_error", sentence_of(exc, "password"))
    except MarketplaceError as exc:
        fail(exc.code, exc.message)
    secret = "" if password else f"  {made}"
    click.echo(
        f"new password for {people.named(person)}: {people.sessions(ended)}, {counted}{secret}"
    )
