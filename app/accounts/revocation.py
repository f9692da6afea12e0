"""Revocation: what may no longer be used, in the database and, at once, in every process."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from blinker import Namespace
from flask import current_app
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app.accounts.errors import TokenOutdated
from app.accounts.models import DISABLED, LoginSession, Revocation, RevocationKind, Role, User
from app.db import db, now, on_commit, row_id, transaction
from ordercast import Identity, TokenError, TokenRevoked, Wire
from ordercast.events import CONTROL_ROOM, Disconnect, Revoked

# The control events' names; their data: {"kind", "value", "at", "detail"?} and {"userId", "at"}.
REVOKED, DISCONNECT = "revoked", "disconnect"
ROLES = frozenset(Role)
IAT_SECONDS = 1  # `iat` counts whole ones: a moment of the same second may be later than it says
# From then on a login's token has the role that the account has, by every host's clock.
LOGINS_FOLLOW = timedelta(days=1)
COLUMNS = (Revocation.kind, Revocation.value, Revocation.revoked_at, Revocation.detail)

revoked = Namespace().signal("revoked")  # sent by this process's app after the commit


class Mark(NamedTuple):
    """One revocation."""

    kind: str
    value: str
    at: datetime
    detail: str | None = None

    @property
    def what(self) -> tuple[str, str]:
        """Its key: a later revocation of the same takes its place."""
        return (self.kind, self.value)


def concerned(bearer: Identity) -> list[tuple[str, str]]:
    """The keys of all revocations that could hit this token."""
    keys = [
        (RevocationKind.USER.value, bearer.user_id),
        (RevocationKind.SESSION.value, bearer.session),
        (RevocationKind.TOKEN.value, bearer.jti),
        (RevocationKind.ACCOUNT.value, bearer.user_id),
    ]
    return [(kind, value) for kind, value in keys if value is not None]


def hits(bearer: Identity, mark: Mark, *, leeway: float, refresh: bool = False) -> bool:
    """Whether the revocation hits this token. `leeway`: seconds by which clocks may differ;
    `refresh`: the token is a refresh token.

    The only rule; the database, the memory of a process and its connections all ask here.
    """
    if mark.what not in concerned(bearer):
        return False
    if mark.kind == RevocationKind.ACCOUNT:
        if mark.detail not in ROLES:
            return mark.detail == DISABLED
        if refresh or bearer.claims.get("role") == mark.detail:
            return False  # a refresh takes the role that the account has
        if bearer.is_local and bearer.session is not None:
            return bearer.issued_at < (mark.at + LOGINS_FOLLOW).timestamp()
        # `flask token`, or another holder of the secret, may later give the id another role.
        return _issued_until(bearer, mark.at, leeway)
    return mark.kind != RevocationKind.USER or _issued_until(bearer, mark.at, leeway)


def _issued_until(bearer: Identity, moment: datetime, leeway: float) -> bool:
    at = moment.timestamp()
    if not bearer.is_local:
        # Another clock: it may be ahead, and in doubt the token is revoked.
        return bearer.issued_at <= at + leeway
    if bearer.session is None:
        return bearer.issued_at <= at  # whole seconds, as `iat` counts them: in doubt revoked
    # With the user go the sessions that there are, each by its name: of a later login's token no
    # clock has a say. What is far too old goes in any case.
    return bearer.issued_at + max(leeway, IAT_SECONDS) < at


def refusal(mark: Mark) -> TokenError:
    """What is raised for a token that this revocation hits."""
    at = mark.at.isoformat()
    if mark.kind != RevocationKind.ACCOUNT:
        return TokenRevoked(f"its {mark.kind} was revoked at {at}")
    if mark.detail == DISABLED:
        return TokenRevoked(f"its account was disabled at {at}")
    return TokenOutdated(f"its account has had the role {mark.detail} since {at}")


def check(bearer: Identity, *, refresh: bool = False) -> None:
    """Raises TokenRevoked if this token, its login or its user has been revoked, TokenOutdated if
    its role is not the account's any more. One read of the database."""
    leeway = current_app.config["SETTINGS"].JWT_LEEWAY
    keys = [
        and_(Revocation.kind == kind, Revocation.value == value)
        for kind, value in concerned(bearer)
    ]
    query = select(*COLUMNS).where(or_(*keys))
    for row in db.session.execute(query):
        mark = Mark(*row)
        if hits(bearer, mark, leeway=leeway, refresh=refresh):
            raise refusal(mark)


def recent(since: datetime | None) -> list[tuple[Mark, datetime | None]]:
    """(revocation, until when it counts) of all that was revoked since then, or of all that still
    counts."""
    query = select(*COLUMNS, Revocation.expires_at).where(
        or_(Revocation.expires_at.is_(None), Revocation.expires_at > now())
        if since is None
        else Revocation.revoked_at >= since
    )
    rows = db.session.execute(query)
    return [(Mark(kind, value, at, detail), until) for kind, value, at, detail, until in rows]


def add(
    session: Session,
    kind: RevocationKind,
    value: str,
    expires_at: datetime | None,
    *,
    detail: str | None = None,
) -> None:
    """Within a transaction: revoke, and tell every process: those that do not hear of it through
    the journal find it in the table within a second."""
    mark = Mark(kind.value, value, now(), detail)
    session.merge(
        Revocation(
            kind=mark.kind,
            value=mark.value,
            revoked_at=mark.at,
            expires_at=expires_at,
            detail=mark.detail,
        )
    )
    name, data = _control(mark)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    app.extensions["ordercast"].journal.append(session, CONTROL_ROOM, name, data)
    on_commit(lambda: revoked.send(app, mark=mark))


def _control(mark: Mark) -> tuple[str, dict[str, Any]]:
    at = mark.at.isoformat()
    if mark.kind == RevocationKind.CONNECTIONS:
        return DISCONNECT, {"userId": mark.value, "at": at}
    data = {"kind": mark.kind, "value": mark.value, "at": at}
    return REVOKED, data if mark.detail is None else {**data, "detail": mark.detail}


def mark_of(order: Wire) -> Mark:
    """The revocation that a control event tells of. Raises ValueError for another one."""
    if isinstance(order, Disconnect):
        return Mark(RevocationKind.CONNECTIONS.value, order.user_id, order.at or now())
    if isinstance(order, Revoked):
        return Mark(order.kind, order.value, order.at, order.detail)
    raise ValueError(f"no revocation: {order!r}")


def account_state(session: Session, user_id: str) -> str | None:
    """What is said of a user's account: DISABLED, its role, ... or nothing."""
    row = session.get(Revocation, (RevocationKind.ACCOUNT.value, user_id))
    return row.detail if row else None


def revoke(kind: RevocationKind, value: str) -> int:
    """Revoke a session, a token or a user's tokens, and close the sockets that used them -> how
    many sessions that ended.

    A user is revoked with every login; tokens issued later are good again.
    """
    with transaction() as session:
        if kind is RevocationKind.USER:
            if number := row_id(value):
                # Held to the commit: a login under way either ends before this, or is of after it.
                session.get(User, number, with_for_update=True)
            return revoke_user(session, value)
        add(session, kind, value, expires_at=None)
        login = session.get(LoginSession, value) if kind is RevocationKind.SESSION else None
        if login is None or login.revoked_at is not None:
            return 0
        login.revoked_at = now()
        return 1


def revoke_user(session: Session, user_id: str) -> int:
    """Within a transaction that holds the account: see revoke()."""
    add(session, RevocationKind.USER, user_id, expires_at=None)
    number = row_id(user_id)
    if number is None:
        return 0
    moment = now()
    query = select(LoginSession).where(
        LoginSession.user_id == number, LoginSession.revoked_at.is_(None)
    )
    logins = session.scalars(query).all()
    for login in logins:
        login.revoked_at = moment
        add(session, RevocationKind.SESSION, login.id, login.expires_at)
    return sum(login.expires_at > moment for login in logins)
