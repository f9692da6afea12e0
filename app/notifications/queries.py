"""Reads of notifications."""

from sqlalchemy import Select, select

from app.accounts.tokens import Identity
from app.notifications.models import Notification


def notifications(identity: Identity) -> Select[Notification]:
    """The user's notifications."""
    return select(Notification).where(Notification.user_id == identity.user_id)
