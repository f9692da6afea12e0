"""Users in commands: find the one named, and count the sockets hit. A command that would hit nobody
fails."""

from collections.abc import Callable

from flask import current_app

from app.accounts import administration
from app.accounts.administration import Person
from app.config import Settings
from app.extension import cast
from ordercast import Census, RevocationKind, fail


def account(id_or_email: str) -> Person:
    """The account with this id or e-mail address; the command fails if there is none."""
    person = administration.find(id_or_email)
    if person is None or person.email is None:
        fail("not_found", f"No account has the id or e-mail address {id_or_email!r}.")
    return person


def anybody(
    id_or_email: str, *, unknown: Callable[[str], object] | None = None
) -> tuple[Person, Census]:
    """The user, and the count of the user's sockets. With local accounts, an id without an account
    needs an open socket, or the command fails; users of another issuer need neither.

    `unknown`: called before that failure with an id that has no account, because a token of a user
    who is not connected may carry it all the same."""
    person = administration.find(id_or_email)
    if person is None:
        fail("not_found", f"No token can name the user {id_or_email!r}.")
    counted = sockets(RevocationKind.CONNECTIONS, person.id)
    if person.email is None and settings().has_local_accounts and not counted.sockets:
        said = f"No account has the id or e-mail address {id_or_email!r}; {counted}."
        if unknown is not None and "@" not in id_or_email:
            unknown(person.id)
            said += " Tokens that name it and were issued until now are revoked all the same."
        fail("not_found", said)
    return person, counted


def sockets(kind: str, value: str, detail: str | None = None) -> Census:
    """The count of sockets that a revocation of this kind would hit now."""
    return cast.census(kind, value, detail)


def named(person: Person) -> str:
    """A user's name in the output of commands."""
    return f"user {person.id} ({person.email or 'no account here'})"


def sessions(count: int) -> str:
    return f"{count} session" + ("" if count == 1 else "s")


def settings() -> Settings:
    found: Settings = current_app.config["SETTINGS"]
    return found
