"""/api/notifications."""

from typing import Any

from flask import Blueprint

from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.http.bodies import Notify, Page
from app.http.operation import operation
from app.http.paging import InvalidCursor, page
from app.notifications import queries, service
from app.notifications.errors import NotificationNotFound, UnknownUser
from app.notifications.models import Notification
from app.notifications.wire import NotificationView
from app.once import Once

blueprint = Blueprint("notifications", __name__, url_prefix="/api/notifications")


@blueprint.get("")
@operation(
    "My notifications, newest first.",
    query=Page,
    answer=NotificationView,
    many="notifications",
    errors=(InvalidCursor,),
)
def list_notifications(caller: Identity, query: Page) -> dict[str, Any]:
    """?limit&cursor -> 200 {notifications, nextCursor}."""
    mine = queries.notifications(caller)
    notifications, following = page(
        mine, Notification.id, NotificationView, cursor=query.cursor, limit=query.limit
    )
    return {"notifications": notifications, "nextCursor": following}


@blueprint.post("")
@operation(
    "Send a user a notification.",
    roles={Role.ADMIN},
    body=Notify,
    answer=NotificationView,
    status=201,
    errors=(UnknownUser,),
    idempotent=True,
)
def create_notification(caller: Identity, body: Notify, once: Once | None) -> dict[str, Any]:
    """{userId, title, message, type, requireAccount?} -> 201 notification | 422 unknown_user."""
    return service.notify(**body.model_dump(), once=once)


@blueprint.post("/<notification_id>/read")
@operation("Mark as read.", answer=NotificationView, errors=(NotificationNotFound,))
def mark_read(caller: Identity, notification_id: str) -> dict[str, Any]:
    """-> 200 notification | 404."""
    return service.mark_read(caller, notification_id)
