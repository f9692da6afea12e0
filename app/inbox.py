"""The inbox: a Redis stream through which any process, in any language, sends a durable event.

    XADD ordercast:inbox * event notification to 7 data '{"title": ...}' id payment-991

`event` is a declared event, `to` the user's or seller's id, `data` the payload as JSON, and `id`,
if there is one, makes a repeat harmless. The entry waits in Redis until `flask worker` has moved it
into the journal: web, worker and database may all be down meanwhile.
"""

from typing import Any

import orjson
import redis

from app import broker

STREAM = "ordercast:inbox"
REFUSED = "ordercast:inbox:refused"  # what could not be accepted, with the reason
GROUP = "ordercast"
MAX_ID = 200  # characters
MAX_BYTES = 1_048_576  # of one payload


class InboxUnavailable(Exception):
    """Redis did not take the event: it was not sent. The text says what happened."""

    code = "inbox_unavailable"


class Inbox:
    """Sends events to the inbox of the service that uses this Redis.

    from app.emitters import Emitters, Inbox

    inbox = Inbox("redis://127.0.0.1:6390/0")
    Emitters(inbox.send).send_notification("7", {"title": ..., "message": ..., "type": ...})
    Emitters(inbox.once("payment-991")).order_status_update("7", order)
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        self._redis = broker.connect(url, timeout=timeout)

    def send(self, room: str, event: str, payload: dict[str, Any]) -> None:
        """Add an event. Raises InboxUnavailable if Redis did not answer that it has it."""
        self._add(room, event, payload, {})

    def once(self, id: str) -> "_Once":
        """A way to send one event that is accepted once, however often it is sent with this id."""
        if not 0 < len(id) <= MAX_ID:
            raise ValueError(f"an id has 1 to {MAX_ID} characters")
        return _Once(self, id)

    def _add(self, room: str, event: str, payload: dict[str, Any], more: dict[str, str]) -> None:
        _, _, receiver = room.partition(":")
        fields = {"event": event, "to": receiver, "data": orjson.dumps(payload), **more}
        try:
            self._redis.xadd(STREAM, fields)  # type: ignore[arg-type]
        except redis.RedisError as exc:
            raise InboxUnavailable(f"the event was not sent: {exc}") from exc


class _Once:
    """`send` with an id; see Inbox.once."""

    def __init__(self, inbox: Inbox, id: str) -> None:
        self._inbox = inbox
        self._id = id

    def __call__(self, room: str, event: str, payload: dict[str, Any]) -> None:
        self._inbox._add(room, event, payload, {"id": self._id})
