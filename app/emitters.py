"""The emitters, over a plain callable that sends. Nothing here imports Flask.

emitters = Emitters(app.db.append)                      # inside a transaction
emitters = Announcing(app.db.announce)                  # the same, written at its end by one insert
emitters.order_status_update("7", {"id": "3", "orderNumber": "OC-00000003", "status": "shipped"})
"""

from collections.abc import Callable
from typing import Any

from app.events import EVENTS, LowStock, Notification, Order, OrderNew, OrderPlaced, OrderStatus
from ordercast import Event, InboxUnavailable, InvalidEvent, Refused
from ordercast import Inbox as LibraryInbox

__all__ = ["Announcing", "Emitters", "Inbox", "InboxUnavailable", "InvalidEvent", "Refused", "Send"]

Send = Callable[[str, str, dict[str, Any]], object]  # (room, event name, payload)
Announce = Callable[[str, Event], object]  # (room, event)


class Inbox(LibraryInbox):
    """The inbox of the service that uses this Redis. Raises the same errors as the library's Inbox.

    inbox = Inbox("redis://127.0.0.1:6390/0")
    Emitters(inbox.send).send_notification("7", {"title": ..., "message": ..., "type": ...})
    Emitters(inbox.once("payment-991")).order_status_update("7", order)
    """

    def __init__(self, url: str, *, prefix: str = "ordercast", timeout: float = 5.0) -> None:
        """`prefix` is the service's REDIS_PREFIX, `timeout` in seconds."""
        super().__init__(url, prefix=prefix, timeout=timeout, events=EVENTS)


class Emitters:
    """Emitters of the declared events. Each takes the receiver's id (or room, `user:7`) and the
    payload (a mapping, or any object with the declared attributes), and sends exactly the declared
    keys.

    Raises InvalidEvent for a payload that does not fit, Refused for an impossible receiver, and the
    errors of `send`.
    """

    def __init__(self, send: Send) -> None:
        self._send = send

    def order_status_update(self, user_id: str | int, order: object) -> None:
        """`order:status` to the customer: {id, orderNumber, status}."""
        self._emit(OrderStatus, user_id, order)

    def order_placed(self, user_id: str | int, order: object) -> None:
        """`order:placed` to the customer: the full order, when it is placed."""
        self._emit(OrderPlaced, user_id, order)

    def new_order_for_seller(self, seller_id: str | int, order: object) -> None:
        """`order:new` to the seller: the full order, when it is placed and at each change."""
        self._emit(OrderNew, seller_id, order)

    def low_stock_alert(self, seller_id: str | int, product: object) -> None:
        """`inventory:low-stock` to the seller: {id, name, stock}."""
        self._emit(LowStock, seller_id, product)

    def send_notification(self, user_id: str | int, notification: object) -> None:
        """`notification` to a user: {title, message, type}."""
        self._emit(Notification, user_id, notification)

    def _emit(self, event: type[Event], receiver: str | int, payload: object) -> None:
        self._send(EVENTS.room(event, receiver), event.event, event.of(payload).wire())


class Announcing(Emitters):
    """Emitters that pass each event on as it was checked, to be encoded once."""

    def __init__(self, announce: Announce) -> None:
        self._announce = announce

    def _emit(self, event: type[Event], receiver: str | int, payload: object) -> None:
        if isinstance(payload, Order) and issubclass(event, Order):
            made = event.model_construct(**vars(payload))  # validated before, as an order
        else:
            made = event.of(payload)
        self._announce(EVENTS.room(event, receiver), made)
