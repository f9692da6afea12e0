"""Administration of accounts: disable, enable, change the role or the password.

Each user has at most one revocation of the kind `account`, whose detail is the state: `disabled`,
the role, or `enabled` for a user of another issuer. The latest counts: enabling undoes disabling in
every process.

Each action is kept in the audit: `by` is the user id of the administrator, or None for a command.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import audit
from app.accounts import passwords, revocation
from app.accounts.addresses import account_of
from app.accounts.errors import AccountNotFound, OwnAccount
from app.accounts.models import DISABLED, Role, User
from app.audit import Action
from app.db import db, now, release, row_id, transaction
from app.extension import cast
from ordercast import MAX_SUBJECT_CHARACTERS

ENABLED = "enabled"
KEPT = timedelta(days=1)  # longer than any process goes without reading the revocations


class Person(NamedTuple):
    """The user that a command names: an account, or an id of another issuer."""

    id: str
    email: str | None  # None: no account here


def find(id_or_email: str) -> Person | None:
    """The account with this id or e-mail address. Without an account: the id as given, or None if
    no token can carry it."""
    number = row_id(id_or_email)
    chosen = select(User).where(User.id == number) if number else account_of(id_or_email)
    user = db.session.scalar(chosen)
    found = Person(str(user.id), user.email) if user else None
    release()
    if found is not None:
        return found
    return (
        Person(id_or_email, None)
        if 0 < len(id_or_email) <= MAX_SUBJECT_CHARACTERS and id_or_email.isprintable()
        else None
    )


def disable(person: Person, *, by: str | None = None) -> int:
    """Keep the user out until `enable`: no login, refresh or token of any issuer -> the number of
    login sessions ended. Raises OwnAccount."""
    _refuse_own(person, by)
    with _account(person) as (session, user):
        if user is not None:
            user.disabled_at = user.disabled_at or now()
        revocation.set_account_state(session, person.id, DISABLED)
        audit.record(session, Action.DISABLE_USER, person.id, by=by)
        return revocation.end_sessions(session, person.id)


def enable(person: Person, *, by: str | None = None) -> bool:
    """Let the user log in again -> whether the user was disabled."""
    with _account(person) as (session, user):
        was_disabled = revocation.account_state(session, person.id) == DISABLED
        if user is not None:
            user.disabled_at = None
        if was_disabled:
            _tell(session, person.id, user.role if user else ENABLED)
            audit.record(session, Action.ENABLE_USER, person.id, by=by)
        return was_disabled


def change_role(person: Person, role: Role, *, by: str | None = None) -> None:
    """Give the account another role. Refresh tokens stay valid and bring the new role; access
    tokens of another role are refused from now on. Raises AccountNotFound, OwnAccount."""
    _refuse_own(person, by)
    with _account(person) as (session, user):
        if user is None:
            raise AccountNotFound
        user.role = role.value
        audit.record(session, Action.CHANGE_ROLE, person.id, by=by, detail=role.value)
        if user.disabled_at is None:
            _tell(session, person.id, role.value)


def change_password(person: Person, password: str, *, by: str | None = None) -> int:
    """Give the account another password, and end its login sessions -> their number. Raises
    AccountNotFound, TooBusy."""
    password_hash = passwords.hash_password(password)
    with _account(person) as (session, user):
        if user is None:
            raise AccountNotFound
        user.password_hash = password_hash
        audit.record(session, Action.CHANGE_PASSWORD, person.id, by=by)
        return revocation.end_sessions(session, person.id)


def revoke(person: Person, *, by: str | None) -> int:
    """Refuse every token that the user was issued until now, and close the user's connections ->
    the number of login sessions ended."""
    with _account(person) as (session, _):
        audit.record(session, Action.REVOKE_USER, person.id, by=by)
        return revocation.end_sessions(session, person.id)


def disconnect(person: Person, *, by: str | None) -> None:
    """Close the connections that the user has now, in every process; the tokens stay good."""
    with transaction() as session:
        audit.record(session, Action.DISCONNECT_USER, person.id, by=by)
        cast.disconnect(user=person.id, within=session)


def _refuse_own(person: Person, by: str | None) -> None:
    if person.id == by:
        raise OwnAccount


@contextmanager
def _account(person: Person) -> Iterator[tuple[Session, User | None]]:
    """A transaction that holds the account's row lock: a concurrent login commits either before it
    or after it."""
    with transaction() as session:
        number = row_id(person.id)
        yield session, session.get(User, number, with_for_update=True) if number else None


def _tell(session: Session, user_id: str, state: str) -> None:
    # Keep a role without end: `flask token --seconds` makes tokens that live for years.
    until = now() + KEPT if state == ENABLED else None
    revocation.set_account_state(session, user_id, state, until=until)
