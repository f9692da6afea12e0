"""Notifications as the API shows them."""

from pydantic import AwareDatetime

from ordercast import Wire


class NotificationView(Wire):
    id: str
    user_id: str
    title: str
    message: str
    type: str
    read_at: AwareDatetime | None
    created_at: AwareDatetime
