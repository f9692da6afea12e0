"""Revocation: what may no longer be used, in the database and, at once, in every process."""

from datetime import datetime
from typing import Protocol

from blinker import Namespace
from flask import current_app
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from app import journal
from app.accounts.models import LoginSession, Revocation, RevocationKind
from app.db import db, now, on_commit, row_id, transaction
from app.events import CONTROL_ROOM

REVOKED = "revoked"  # the control event's name; its data: {"kind", "value", "at"}

revoked = Namespace().signal("revoked")  # sent by this process's app after the commit


class Bearer(Protocol):
    """What of an identity a revocation can hit."""

    @property
    def user_id(self) -> str: ...
    @property
    def session(self) -> str | None: ...
    @property
    def jti(self) -> str | None: ...
    @property
    def issued_at(self) -> int: ...


def is_revoked(bearer: Bearer) -> bool:
    """Whether this token, its login or its user has been revoked. One read of the database."""
    hits = [
        and_(
            Revocation.kind == RevocationKind.USER,
            Revocation.value == bearer.user_id,
            # Whole seconds, as `iat` counts them: in doubt it is revoked.
            Revocation.revoked_at >= datetime.fromtimestamp(bearer.issued_at, tz=now().tzinfo),
        )
    ]
    for kind, value in (
        (RevocationKind.SESSION, bearer.session),
        (RevocationKind.TOKEN, bearer.jti),
    ):
        if value is not None:
            hits.append(and_(Revocation.kind == kind, Revocation.value == value))
    return (
        db.session.execute(select(Revocation.kind).where(or_(*hits)).limit(1)).first() is not None
    )


def recent(since: datetime | None) -> list[tuple[str, str, datetime, datetime | None]]:
    """(kind, value, revoked_at, expires_at) of all that was revoked since then, or of all that
    still counts."""
    query = select(
        Revocation.kind, Revocation.value, Revocation.revoked_at, Revocation.expires_at
    ).where(
        or_(Revocation.expires_at.is_(None), Revocation.expires_at > now())
        if since is None
        else Revocation.revoked_at >= since
    )
    return [(kind, value, at, until) for kind, value, at, until in db.session.execute(query)]


def add(session: Session, kind: RevocationKind, value: str, expires_at: datetime | None) -> None:
    """Within a transaction: revoke, and tell every process through the journal."""
    at = now()
    session.merge(Revocation(kind=kind, value=value, revoked_at=at, expires_at=expires_at))
    data = {"kind": kind.value, "value": value, "at": at.isoformat()}
    journal.append(CONTROL_ROOM, REVOKED, data)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    on_commit(lambda: revoked.send(app, kind=kind, value=value, at=at))


def revoke(kind: RevocationKind, value: str) -> None:
    """Revoke a session, a token or a user's tokens, and close the sockets that used them.

    A user is revoked with every login; tokens issued later are good again.
    """
    with transaction() as session:
        add(session, kind, value, expires_at=None)
        if kind is RevocationKind.SESSION:
            query = select(LoginSession).where(LoginSession.id == value)
        elif kind is RevocationKind.USER and (number := row_id(value)):
            query = select(LoginSession).where(LoginSession.user_id == number)
        else:
            return
        for login in session.scalars(query.where(LoginSession.revoked_at.is_(None))):
            login.revoked_at = now()
            if kind is RevocationKind.USER:
                add(session, RevocationKind.SESSION, login.id, login.expires_at)
