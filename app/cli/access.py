"""Access: make tokens, revoke them, close the sockets of a user."""

import click

from app.accounts import administration, revocation, tokens
from app.accounts.models import LoginSession, Role
from app.cli import people
from app.db import db
from app.extension import cast
from ordercast import MAX_TOKEN_ID_CHARACTERS, Command, RevocationKind, TokenError, fail


@click.command(cls=Command)
@click.option("--sub", required=True, help="The user id, or the e-mail address of an account.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=tokens.ACCESS_SECONDS, show_default=True
)
def token(sub: str, role: str, seconds: float) -> None:
    """Print an access token for a user id; no account is needed for connecting."""
    if not cast.tokens.signs_here:
        fail("foreign_issuer", "Only the tokens of another issuer are good: ask for one there.")
    person = people.account(sub) if "@" in sub and people.settings().has_local_accounts else None
    made = tokens.issue("access", person.id if person else sub, Role(role), seconds=seconds)
    try:
        said = tokens.read(made).role
    except TokenError as exc:
        fail(exc.code, f"That token would not be good: {exc.reason}.")
    if said != role:
        fail("unknown_role", f"JWT_ROLES has no name for the role {role}: it would be {said}.")
    click.echo(made)


@click.command(cls=Command)
@click.option("--user", help="An id or e-mail address: every token of this user issued until now.")
@click.option("--session", help="A login session: the claim `session` of its tokens.")
@click.option("--token", "jti", help="A single token: its claim `jti`.")
def revoke(user: str | None, session: str | None, jti: str | None) -> None:
    """Revoke tokens, close the sockets that use them in every process, and print whom it hit."""
    given = [(_revoke_user, user), (_revoke_session, session), (_revoke_token, jti)]
    chosen = [(act, value) for act, value in given if value is not None]
    if len(chosen) != 1:
        raise click.UsageError("Give one of --user, --session, --token.")
    act, value = chosen[0]
    click.echo(act(value))


def _revoke_user(id_or_email: str) -> str:
    person, counted = people.anybody(id_or_email, unknown=revocation.revoke_user)
    ended = revocation.revoke_user(person.id)
    return f"revoked {people.named(person)}: {people.sessions(ended)}, {counted}"


def _revoke_session(name: str) -> str:
    _require_name(name, "session")
    login = db.session.get(LoginSession, name)
    owner = administration.find(str(login.user_id)) if login else None
    counted = people.sockets(RevocationKind.SESSION, name)
    if owner is None and people.settings().has_local_accounts and not counted.sockets:
        fail("not_found", f"There is no session {name!r}.")
    ended = revocation.revoke_session(name)
    whose = people.named(owner) if owner else "a user unknown here"
    again = "" if ended or owner is None else "; it had ended before"
    return f"revoked session {name} of {whose}: {counted}{again}"


def _revoke_token(jti: str) -> str:
    _require_name(jti, "jti")
    counted = people.sockets(RevocationKind.TOKEN, jti)
    cast.revoke(token=jti)
    return f"revoked token {jti}: {counted}; whether there is such a token is not known here"


def _require_name(value: str, claim: str) -> None:
    if value.count(".") == 2 and len(value) > MAX_TOKEN_ID_CHARACTERS / 3:
        fail("validation_error", f"Give the token's `{claim}`, not the token.")
    if not (0 < len(value) <= MAX_TOKEN_ID_CHARACTERS and value.isprintable()):
        fail(
            "validation_error",
            f"A `{claim}` has 1 to {MAX_TOKEN_ID_CHARACTERS} printable characters.",
        )


@click.command(cls=Command)
@click.option("--user", required=True, help="An id or e-mail address.")
def disconnect(user: str) -> None:
    """Close the sockets that a user has now, in every process; the tokens stay good."""
    person, counted = people.anybody(user)
    cast.disconnect(user=person.id)
    click.echo(f"disconnected {people.named(person)}: {counted}")
