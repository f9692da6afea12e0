"""Administration: who may come in at all, in which role, with which password.

One revocation a user says how the account is: `disabled`, its role, or `enabled` for a user of
another issuer. The latest counts, so enabling takes the disabling back in every process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import passwords, revocation
from app.accounts.errors import AccountNotFound
from app.accounts.models import DISABLED, Role, User
from app.db import db, now, release, row_id, transaction
from ordercast import MAX_SUBJECT

ENABLED = "enabled"
KEPT = timedelta(days=1)  # longer than a process does not look


class Person(NamedTuple):
    """Whom a command is about: an account, or an id of another issuer's."""

    id: str
    email: str | None  # None: no account here


def find(who: str) -> Person | None:
    """The account with this id or e-mail address; without one the id as it is, or None if no
    token can name it."""
    number = row_id(who)
    chosen = User.id == number if number else User.email == who.lower()
    row = db.session.execute(select(User.id, User.email).where(chosen)).first()
    release()
    if row is not None:
        return Person(str(row.id), row.email)
    return Person(who, None) if 0 < len(who) <= MAX_SUBJECT and who.isprintable() else None


def disable(person: Person) -> int:
    """Keep the user out, without end: no login, refresh or token of any issuer. -> how many
    sessions that ended."""
    with _account(person) as (session, user):
        if user is not None:
            user.disabled_at = user.disabled_at or now()
        revocation.set_account_state(session, person.id, DISABLED)
        return revocation.end_sessions(session, person.id)


def enable(person: Person) -> bool:
    """Let the user in again, to new logins -> whether it was disabled."""
    with _account(person) as (session, user):
        state = revocation.account_state(session, person.id)
        if user is not None:
            user.disabled_at = None
        if state == DISABLED:
            _tell(session, person.id, user.role if user else ENABLED)
        return state == DISABLED


def change_role(person: Person, role: Role) -> None:
    """Give the account another role. Its refresh tokens stay good and bring it; its access tokens
    of another role have to be refreshed at once. Raises AccountNotFound."""
    with _account(person) as (session, user):
        if user is None:
            raise AccountNotFound
        user.role = role.value
        if user.disabled_at is None:
            _tell(session, person.id, role.value)


def change_password(person: Person, password: str) -> int:
    """Give the account another password, and end its sessions -> how many. Raises
    AccountNotFound, TooBusy."""
    password_hash = passwords.hash_password(password)
    with _account(person) as (session, user):
        if user is None:
            raise AccountNotFound
        user.password_hash = password_hash
        return revocation.end_sessions(session, person.id)


@contextmanager
def _account(person: Person) -> Iterator[tuple[Session, User | None]]:
    """A transaction with the account, locked: a login under way ends before this, or is of after
    it."""
    with transaction() as session:
        number = row_id(person.id)
        yield session, session.get(User, number, with_for_update=True) if number else None


def _tell(session: Session, user_id: str, state: str) -> None:
    # A role counts for ever: `flask token --seconds` makes tokens that live for years.
    until = now() + KEPT if state == ENABLED else None
    revocation.set_account_state(session, user_id, state, until=until)
