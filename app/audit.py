"""The audit: every action of an administrator, in the transaction of the action itself."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, BigId, UtcDateTime, now
from ordercast import MAX_SUBJECT_CHARACTERS, current_request_id

MAX_CHARACTERS = 255  # of a target, or a detail


class Action(StrEnum):
    DISABLE_USER = "disable_user"
    ENABLE_USER = "enable_user"
    CHANGE_ROLE = "change_role"  # detail: the new one
    CHANGE_PASSWORD = "change_password"  # noqa: S105 - a name
    REVOKE_USER = "revoke_user"
    DISCONNECT_USER = "disconnect_user"
    RETRY_ENTRY = "retry_entry"  # target: of the refused inbox entries; detail: the reason
    DELETE_ENTRY = "delete_entry"


class AuditEntry(Base):
    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # Who acted, by the id in the token; None: a command on the server.
    user_id: Mapped[str | None] = mapped_column(String(MAX_SUBJECT_CHARACTERS))
    action: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(String(MAX_CHARACTERS))  # a user's id, unless noted
    detail: Mapped[str | None] = mapped_column(String(MAX_CHARACTERS))
    request_id: Mapped[str | None] = mapped_column(String(128))  # None: a command


def record(
    session: Session, action: Action, target: str, *, by: str | None, detail: str | None = None
) -> None:
    """Within the action's transaction: keep that it was done. `by`: the user id of the
    administrator; None: a command."""
    session.add(
        AuditEntry(
            user_id=by,
            action=action.value,
            target=target[:MAX_CHARACTERS],
            detail=None if detail is None else detail[:MAX_CHARACTERS],
            request_id=current_request_id(),
        )
    )
