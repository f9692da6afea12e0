"""The inbox: a Redis stream through which any process, in any language, sends a durable event.

    XADD ordercast:inbox * event notification to 7 data '{"title": ...}' id payment-991

`event` is a declared event, `to` the user's or seller's id (or its room, `user:7`), `data` the
payload as JSON, and `id`, if there is one, makes a repeat harmless. The entry waits in Redis until
`flask worker` has moved it into the journal: web, worker and database may all be down meanwhile.
"""

from typing import Any

import orjson
import redis

from app.events import EVENTS
from ordercast.broker import PREFIX, Broker, Redis, reason
from ordercast.errors import Refused

MAX_ID = 200  # characters
MAX_BYTES = 1_048_576  # of one payload


# The first entry's id and the server's clock, and not the entry, which may be large.
OLDEST = """
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if first then return {first[1], redis.call('TIME')[1]} end
"""


class InboxUnavailable(Exception):
    """Redis did not say that it has the event; the text says what happened. After a timeout it may
    have it all the same: sending it again is harmless with an id."""

    code = "inbox_unavailable"


def check_data(data: bytes) -> None:
    """Raises Refused: what a payload must be on both sides of the stream."""
    if len(data) > MAX_BYTES:
        raise Refused(f"data is larger than {MAX_BYTES} bytes")


def check_id(id: str) -> None:
    """Raises Refused: what a sender's own id must be."""
    if not (0 < len(id) <= MAX_ID and id.isprintable()):
        raise Refused(f"`id` has 1 to {MAX_ID} printable characters")


def oldest(client: Redis, broker: Broker) -> tuple[str, float] | None:
    """(stream id, seconds that it has waited by the clock of Redis, from which the id is) of the
    entry that nobody has taken for the longest time. Raises redis.RedisError."""
    found: Any = client.eval(OLDEST, 1, broker.inbox)
    if found is None:
        return None
    entry_id, seconds = found[0].decode(), int(found[1])
    return entry_id, max(0.0, seconds - int(entry_id.partition("-")[0]) / 1000)


class Inbox:
    """Sends events to the inbox of the service that uses this Redis.

    from app.emitters import Emitters, Inbox

    inbox = Inbox("redis://127.0.0.1:6390/0")
    Emitters(inbox.send).send_notification("7", {"title": ..., "message": ..., "type": ...})
    Emitters(inbox.once("payment-991")).order_status_update("7", order)
    """

    def __init__(self, url: str, *, prefix: str = PREFIX, timeout: float = 5.0) -> None:
        """`prefix` is the service's REDIS_PREFIX, `timeout` in seconds."""
        broker = Broker(url, prefix)
        self._redis = broker.connect(timeout=timeout)
        self._stream = broker.inbox

    def send(self, room: str, event: str, payload: dict[str, Any]) -> None:
        """Add an event; `room` as in Event.room. Raises InboxUnavailable if Redis did not answer
        that it has it, and Refused for what the service would refuse."""
        self._add(room, event, payload, {})

    def once(self, id: str) -> "_Once":
        """A way to send one event that is accepted once, however often it is sent with this id.
        Raises Refused for an id that cannot be one."""
        check_id(id)
        return _Once(self, id)

    def _add(self, room: str, event: str, payload: dict[str, Any], more: dict[str, str]) -> None:
        kind = EVENTS.declared(event)
        assert kind is not None  # the marketplace declares some
        room = EVENTS.room(kind, room)
        id = room.removeprefix(f"{kind.audience}:")
        receiver = room if EVENTS.looks_like_room(id) else id
        try:
            data = orjson.dumps(payload)
        except TypeError as exc:  # half a character, too: the journal holds JSON for everybody
            raise Refused(f"the payload is no JSON: {exc}") from exc
        check_data(data)
        fields = {"event": event, "to": receiver, "data": data, **more}
        try:
            self._redis.xadd(self._stream, fields)  # type: ignore[arg-type]
        except redis.RedisError as exc:
            raise InboxUnavailable(f"Redis did not confirm the event: {reason(exc)}") from exc


class _Once:
    """`send` with an id; see Inbox.once."""

    def __init__(self, inbox: Inbox, id: str) -> None:
        self._inbox = inbox
        self._id = id

    def __call__(self, room: str, event: str, payload: dict[str, Any]) -> None:
        self._inbox._add(room, event, payload, {"id": self._id})
