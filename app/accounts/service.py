"""Registration and login. Login sessions: sessions.py."""

from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import attempts, passwords, sessions, slowing
from app.accounts.addresses import account_of, compared
from app.accounts.errors import (
    AccountDisabled,
    AccountNotFound,
    AccountRequired,
    EmailTaken,
    InvalidCredentials,
)
from app.accounts.models import Role, User
from app.accounts.tokens import Identity
from app.accounts.wire import Tokens, UserView
from app.db import db, release, row_id, transaction
from app.once import Once

USERS = User.__table__
ACCOUNT = select(USERS.c.id, USERS.c.name).where(USERS.c.id == bindparam("user"))


class Account(NamedTuple):
    """A user in whose name something is written."""

    id: int
    name: str


def register_user(
    *,
    email: str,
    password: str,
    name: str,
    role: Role,
    address: str | None = None,
    user_id: int | None = None,
    once: Once | None = None,
) -> dict[str, Any]:
    """Make an account -> its JSON. `address`: of the client, for the limit; None: not counted.
    `user_id`: of another issuer. Raises EmailTaken (also for the id), TooManyAttempts, TooBusy."""
    # Answer a repeat first: it counts as no other registration, and costs no hash.
    if once and (first := once.known_answer(db.session())):
        return first
    release()  # hold no database connection while the password is hashed
    if address is not None:
        attempts.count_registration(address)
    password_hash = passwords.hash_password(password)
    try:
        with transaction() as session:
            if once and (first := once.first_answer(session)):
                return first
            user = User(
                id=user_id,
                email=compared(email),
                name=name,
                role=role,
                password_hash=password_hash,
            )
            session.add(user)
            session.flush()
            answer = UserView.model_validate(user).wire()
            return once.keep(session, answer) if once else answer
    except IntegrityError as exc:
        raise EmailTaken from exc


def log_in(*, email: str, password: str, address: str) -> tuple[User, Tokens]:
    """Check the password and open a session.
    Raises InvalidCredentials, AccountDisabled, TooManyAttempts, TooBusy.

    Count each attempt before the password is checked, so that parallel attempts cannot slip through
    the limit, and subtract it on success. Past the limit the right password is accepted, slowly.
    """
    account = compared(email)  # one count for all forms of an address
    over = attempts.count_login(address, account)
    if over and not slowing.turn(over.key):
        raise over.refusal
    while True:
        user = db.session.scalar(account_of(email))
        user_id, stored = (user.id, user.password_hash) if user else (0, None)
        release()  # hold no database connection while the password is checked
        checked = passwords.check_password(stored, password)
        if not checked.fits:
            raise over.refusal if over else InvalidCredentials
        with transaction() as session:
            user = session.scalars(select(User).where(User.id == user_id).with_for_update()).one()
            if user.password_hash != stored:
                continue  # password or hash changed meanwhile: check again
            if user.disabled_at is not None:
                raise AccountDisabled
            if checked.new_hash:
                user.password_hash = checked.new_hash
            attempts.take_back(session, address, account)
            return user, sessions.open_session(session, user)


def user_of(identity: Identity) -> User:
    """The account behind a token. Raises AccountNotFound."""
    number = row_id(identity.user_id)
    user = db.session.get(User, number) if number else None
    if user is None:
        raise AccountNotFound
    return user


def require_account(session: Session, identity: Identity) -> Account:
    """The account in whose name something is written. Raises AccountRequired for a token of
    another issuer whose user has no account here."""
    number = row_id(identity.user_id)
    found = session.connection().execute(ACCOUNT, {"user": number}).first() if number else None
    if found is None:
        raise AccountRequired
    return Account(*found)
