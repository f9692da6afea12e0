"""What accounts can do. The only writer of users and sessions."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import attempts, passwords, revocation, slowing, tokens
from app.accounts.errors import (
    AccountNotFound,
    AccountRequired,
    EmailTaken,
    InvalidCredentials,
    TokenInvalid,
    TokenRevoked,
)
from app.accounts.models import LoginSession, RevocationKind, Role, User
from app.accounts.tokens import Identity
from app.accounts.wire import Tokens, UserView
from app.db import db, now, row_id, transaction
from app.idempotency import Once


def register_user(
    *,
    email: str,
    password: str,
    name: str,
    role: Role,
    address: str | None = None,
    once: Once | None = None,
) -> dict[str, Any]:
    """Make an account -> its JSON; from an `address` it is counted.
    Raises EmailTaken, TooManyAttempts, TooBusy."""
    if address is not None:
        attempts.count_registration(address)
    password_hash = passwords.hash_password(password)
    try:
        with transaction() as session:
            if once and (first := once.first_answer(session)):
                return first
            user = User(email=email.lower(), name=name, role=role, password_hash=password_hash)
            session.add(user)
            session.flush()
            answer = UserView.model_validate(user).wire()
            return once.keep(session, answer) if once else answer
    except IntegrityError as exc:
        raise EmailTaken from exc


def log_in(*, email: str, password: str, address: str) -> tuple[User, Tokens]:
    """Check the password and open a session.
    Raises InvalidCredentials, TooManyAttempts, TooBusy.

    Every try counts before it is checked, so that parallel tries cannot slip through the limit;
    a good one is taken back. Past the limit the right password is still let in, slowly.
    """
    email = email.lower()
    over = attempts.count_login(address, email)
    if over and not slowing.turn(over.key):
        raise over.refusal
    user = db.session.scalar(select(User).where(User.email == email))
    stored = user.password_hash if user else None
    db.session.rollback()  # no connection is held while the password is checked
    checked = passwords.check_password(stored, password)
    if not checked.fits:
        raise over.refusal if over else InvalidCredentials
    with transaction() as session:
        user = session.scalars(select(User).where(User.email == email)).one()
        if checked.new_hash and user.password_hash == stored:
            user.password_hash = checked.new_hash
        attempts.take_back(session, address, email)
        return user, _open_session(session, user)


def refresh(identity: Identity) -> Tokens:
    """Rotate a refresh token. Raises TokenRevoked for one that was used before, and then revokes
    its session: either the thief or the owner is holding a copy (RFC 9700 section 4.14.2)."""
    pair = None
    with transaction() as session:
        login = _locked_session(session, identity)
        if login is None:
            raise TokenRevoked("its session is none of this service")
        if login.revoked_at is not None:
            raise TokenRevoked(f"its session was revoked at {login.revoked_at.isoformat()}")
        if login.refresh_jti == identity.jti:
            pair = _new_pair(identity.user_id, identity.role, login)
        else:
            _revoke_session(session, login)
    if pair is None:
        raise TokenRevoked
    return pair


def log_out(identity: Identity) -> None:
    """Revoke the session of this token (a token without one: itself) and close its sockets."""
    with transaction() as session:
        login = session.get(LoginSession, identity.session) if identity.session else None
        if login is not None:
            _revoke_session(session, login)
        elif identity.jti is not None:
            expires_at = now() + timedelta(seconds=tokens.seconds_left(identity))
            revocation.add(session, RevocationKind.TOKEN, identity.jti, expires_at)
        else:
            raise TokenInvalid("it has neither session nor jti: nothing that could be revoked")


def user_of(identity: Identity) -> User:
    """The account behind a token. Raises AccountNotFound."""
    number = row_id(identity.user_id)
    user = db.session.get(User, number) if number else None
    if user is None:
        raise AccountNotFound
    return user


def require_account(session: Session, identity: Identity) -> User:
    """The account in whose name something is written. Raises AccountRequired for a token of
    another issuer whose user we do not have."""
    number = row_id(identity.user_id)
    user = session.get(User, number) if number else None
    if user is None:
        raise AccountRequired
    return user


def _open_session(session: Session, user: User) -> Tokens:
    login = LoginSession(
        id=uuid4().hex,
        user_id=user.id,
        expires_at=now() + timedelta(seconds=tokens.REFRESH_SECONDS),
    )
    pair = _new_pair(str(user.id), Role(user.role), login)
    session.add(login)
    return pair


def _locked_session(session: Session, identity: Identity) -> LoginSession | None:
    if identity.session is None:
        return None
    return session.get(LoginSession, identity.session, with_for_update=True)


def _new_pair(user_id: str, role: Role, login: LoginSession) -> Tokens:
    login.refresh_jti = uuid4().hex
    access = tokens.issue("access", user_id, role, session=login.id)
    refresh_token = tokens.issue("refresh", user_id, role, session=login.id, jti=login.refresh_jti)
    login.expires_at = now() + timedelta(seconds=tokens.REFRESH_SECONDS)
    return Tokens(
        access_token=access, refresh_token=refresh_token, expires_in=tokens.ACCESS_SECONDS
    )


def _revoke_session(session: Session, login: LoginSession) -> None:
    if login.revoked_at is None:
        login.revoked_at = now()
        revocation.add(session, RevocationKind.SESSION, login.id, login.expires_at)
