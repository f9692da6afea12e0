"""The only writer of notifications."""

from typing import Any

from app.accounts import issuers
from app.accounts.tokens import Identity
from app.db import announce, now, row_id, transaction
from app.emitters import Announcing
from app.notifications.errors import NotificationNotFound, UnknownUser
from app.notifications.models import Notification
from app.notifications.wire import NotificationView
from app.once import Once

emitters = Announcing(announce)


def notify(
    user_id: str,
    *,
    title: str,
    message: str,
    type: str,
    require_account: bool = False,
    once: Once | None = None,
) -> dict[str, Any]:
    """Store a notification and send it to its user -> its JSON. `require_account`: raises
    UnknownUser for an id without an account, unless the accounts are another service's."""
    with transaction() as session:
        if once and (first := once.first_answer(session)):
            return first
        if require_account and not issuers.may_be_a_user(session, user_id):
            raise UnknownUser(user_id)
        row = Notification(user_id=user_id, title=title, message=message, type=type)
        session.add(row)
        session.flush()
        emitters.send_notification(user_id, row)
        answer = NotificationView.model_validate(row).wire()
        return once.keep(session, answer) if once else answer


def mark_read(identity: Identity, notification_id: str) -> dict[str, Any]:
    """Mark one of the user's notifications as read; safe to repeat -> its JSON.

    Raises NotificationNotFound, also for another user's.
    """
    with transaction() as session:
        number = row_id(notification_id)
        row = session.get(Notification, number, with_for_update=True) if number else None
        if row is None or row.user_id != identity.user_id:
            raise NotificationNotFound
        row.read_at = row.read_at or now()
        session.flush()
        return NotificationView.model_validate(row).wire()
