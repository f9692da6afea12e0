"""Revocation in the marketplace: the rule of an account's state, which the library does not know,
and the login sessions that end with their user.

A revocation of the kind `account` carries the state of a user's account: DISABLED, or its role.
The latest counts.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.errors import TokenOutdated
from app.accounts.models import DISABLED, LoginSession, Role, User
from app.db import now, row_id, transaction
from app.extension import cast
from ordercast import Identity, Mark, TokenError, TokenRevoked, issued_until

ACCOUNT = "account"  # the kind of revocation
ROLES = frozenset(Role)
# A token that a login got this long after a change of role has the new role, by any host's clock.
LOGINS_FOLLOW = timedelta(days=1)


def account_refusal(identity: Identity, mark: Mark, leeway: float) -> TokenError | None:
    """The rule of the kind `account`: TokenRevoked for a disabled account, TokenOutdated for a
    token whose role is not the account's."""
    at = mark.at.isoformat()
    if mark.detail == DISABLED:
        return TokenRevoked(f"its account was disabled at {at}")
    if mark.detail not in ROLES or not _says_another_role(identity, mark, leeway):
        return None
    return TokenOutdated(f"its account has had the role {mark.detail} since {at}")


RULES = {ACCOUNT: account_refusal}


def _says_another_role(identity: Identity, mark: Mark, leeway: float) -> bool:
    claims = identity.claims
    if claims.get("type") == "refresh" or claims.get("role") == mark.detail:
        return False  # refresh reads the role from the account
    if identity.is_local and identity.session is not None:
        return identity.issued_at < (mark.at + LOGINS_FOLLOW).timestamp()
    # Tokens issued later count: `flask token`, or another holder of the secret, may give the id
    # another role.
    return issued_until(identity, mark.at, leeway)


def set_account_state(
    session: Session, user_id: str, state: str, *, until: datetime | None = None
) -> None:
    """Within a transaction: announce the state of a user's account to every process."""
    cast.revocations.add(session, ACCOUNT, user_id, until=until, detail=state)


def account_state(session: Session, user_id: str) -> str | None:
    """The announced state of a user's account: DISABLED, its role, ENABLED, or None."""
    return cast.revocations.detail(session, ACCOUNT, user_id)


def revoke_user(user_id: str) -> int:
    """Revoke every token of a user issued until now, and every login session -> the number of
    login sessions ended."""
    with transaction() as session:
        if number := row_id(user_id):
            # Lock the account until the commit: a concurrent login commits before it or after it.
            session.get(User, number, with_for_update=True)
        return end_sessions(session, user_id)


def revoke_session(name: str) -> int:
    """Revoke every token of a login session -> the number of sessions ended: 1, or 0 for a session
    that is unknown here or had ended."""
    with transaction() as session:
        login = session.get(LoginSession, name)
        ends = login is not None and login.revoked_at is None
        if login is not None and ends:
            login.revoked_at = now()
        cast.revoke(session=name, within=session)
        return int(ends)


def end_sessions(session: Session, user_id: str) -> int:
    """Within a transaction that holds the account's lock: see revoke_user()."""
    cast.revoke(user=user_id, within=session)
    return end_logins(session, user_id)


def end_logins(session: Session, user_id: str, *, but: str | None = None) -> int:
    """Within a transaction that holds the account's lock: end the user's login sessions, except the
    one named `but` -> how many."""
    number = row_id(user_id)
    if number is None:
        return 0
    moment = now()
    query = select(LoginSession).where(
        LoginSession.user_id == number, LoginSession.revoked_at.is_(None)
    )
    if but is not None:
        query = query.where(LoginSession.id != but)
    logins = session.scalars(query).all()
    for login in logins:
        login.revoked_at = moment
        cast.revoke(session=login.id, until=login.expires_at, within=session)
    return sum(login.expires_at > moment for login in logins)
