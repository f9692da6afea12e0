"""Login sessions: opened by a login, continued by a refresh token, ended by a logout.

A refresh token is exchanged once. The network loses answers and people duplicate tabs, so within
GRACE the token exchanged last is answered again with the same pair, remade from the session's row;
no token is stored. Any other use of an old refresh token means that a second party holds a copy
(RFC 9700 section 4.14.2): the session is revoked.
"""

import logging
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from sqlalchemy.orm import Session

from app.accounts import tokens
from app.accounts.identity import Identity
from app.accounts.models import LoginSession, Role, User
from app.accounts.wire import Tokens
from app.db import now, transaction
from app.extension import cast
from ordercast import TokenInvalid, TokenRevoked

logger = logging.getLogger(__name__)
GRACE = timedelta(seconds=20)


def open_session(session: Session, user: User) -> Tokens:
    """Within a transaction: open a session for a login -> its first pair of tokens."""
    login = LoginSession(id=uuid4().hex, user_id=user.id)
    session.add(login)
    return _next_pair(login, user)


def refresh(identity: Identity) -> Tokens:
    """Exchange a verified refresh token -> a new pair, or the same again within GRACE.

    Raises TokenRevoked. A refresh token exchanged earlier revokes the whole session.
    """
    with transaction() as session:
        # Lock the session: of two tabs at the same moment the second finds the first one's pair.
        login = _locked(session, identity)
        user = session.get_one(User, login.user_id)
        if user.disabled_at is not None:
            raise TokenRevoked(f"its account was disabled at {user.disabled_at.isoformat()}")
        if identity.jti == login.refresh_jti:
            return _next_pair(login, user)
        issued_at = login.issued_at
        if identity.jti == login.previous_jti and issued_at and now() - issued_at <= GRACE:
            return _pair(login, user, issued_at)
        _revoke(session, login)
    logger.warning(
        "refresh token reused: its session is revoked",
        extra={"user": identity.user_id, "session": identity.session},
    )
    raise TokenRevoked("a refresh token that had been exchanged was used again")


def log_out(identity: Identity) -> None:
    """Revoke the session of this token, or a token without a session itself; close its sockets."""
    with transaction() as session:
        login = session.get(LoginSession, identity.session) if identity.session else None
        if login is not None:
            _revoke(session, login)
        elif identity.jti is not None:
            expires_at = now() + timedelta(seconds=tokens.seconds_left(identity))
            cast.revoke(token=identity.jti, until=expires_at, within=session)
        else:
            raise TokenInvalid("it has neither session nor jti: nothing that could be revoked")


def _locked(session: Session, identity: Identity) -> LoginSession:
    login = None
    if identity.session is not None:
        login = session.get(LoginSession, identity.session, with_for_update=True)
    if login is None:
        raise TokenRevoked("its session is none of this service")
    if login.revoked_at is not None:
        raise TokenRevoked(f"its session was revoked at {login.revoked_at.isoformat()}")
    return login


def _next_pair(login: LoginSession, user: User) -> Tokens:
    issued_at = now()
    login.previous_jti, login.refresh_jti = login.refresh_jti, uuid4().hex
    login.issued_at = issued_at
    login.expires_at = issued_at + timedelta(seconds=tokens.REFRESH_SECONDS)
    return _pair(login, user, issued_at)


def _pair(login: LoginSession, user: User, moment: datetime) -> Tokens:
    """The pair of `refresh_jti`, the same each time, with the account's present role."""
    user_id, role, session = str(user.id), Role(user.role), login.id
    issued_at = int(moment.timestamp())
    access_jti = sha256(login.refresh_jti.encode()).hexdigest()[:32]
    return Tokens(
        access_token=tokens.issue(
            "access", user_id, role, session=session, jti=access_jti, issued_at=issued_at
        ),
        refresh_token=tokens.issue(
            "refresh", user_id, role, session=session, jti=login.refresh_jti, issued_at=issued_at
        ),
        expires_in=tokens.ACCESS_SECONDS,
    )


def _revoke(session: Session, login: LoginSession) -> None:
    if login.revoked_at is None:
        login.revoked_at = now()
        cast.revoke(session=login.id, until=login.expires_at, within=session)
