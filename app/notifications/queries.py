"""Reads of notifications."""

from typing import Any

from sqlalchemy import select

from app.accounts.tokens import Identity
from app.notifications.models import Notification
from app.notifications.wire import NotificationView
from app.paging import page


def notifications(
    identity: Identity, *, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of the user's notifications, newest first."""
    query = select(Notification).where(Notification.user_id == identity.user_id)
    rows, following = page(query, Notification.id, cursor=cursor, limit=limit)
    return [NotificationView.model_validate(row).wire() for row in rows], following
