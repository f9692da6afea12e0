"""The sending end of the inbox: a Redis stream through which any process, in any language, sends a
durable event.

    XADD ordercast:inbox * event notification to 7 data '{"title": ...}' id payment-991

`event` is the name, `to` the room, or of a declared event the receiver's id as well, `data` the
payload as JSON, and `id`, if there is one, makes a repeat harmless. The entry waits in Redis until
the worker has moved it into the journal: web, worker and database may all be down meanwhile.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import redis

from ordercast.broker import PREFIX, Broker, Redis, reason
from ordercast.errors import InboxUnavailable, Refused
from ordercast.events import Events

MAX_SENDER_ID_CHARACTERS = 200
MAX_PAYLOAD_BYTES = 1_048_576  # of one payload

Send = Callable[[str, str, Any], None]  # (room, event, payload)

# Returns the first entry's id and the server's clock, without the entry, which may be large.
OLDEST = """
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if first then return {first[1], redis.call('TIME')[1]} end
"""


def check_data(data: bytes) -> None:
    """Check a payload, on both sides of the stream. Raises Refused."""
    if len(data) > MAX_PAYLOAD_BYTES:
        raise Refused(f"data is larger than {MAX_PAYLOAD_BYTES} bytes")


def check_id(id: str) -> None:
    """Check a sender's own id. Raises Refused."""
    if not (0 < len(id) <= MAX_SENDER_ID_CHARACTERS and id.isprintable()):
        raise Refused(f"`id` has 1 to {MAX_SENDER_ID_CHARACTERS} printable characters")


def oldest(client: Redis, broker: Broker) -> tuple[str, float] | None:
    """(stream id, seconds) of the entry that has waited for the longest time, by the clock of
    Redis, which also made the id; None if no entry waits. Raises redis.RedisError."""
    found: Any = client.eval(OLDEST, 1, broker.inbox)
    if found is None:
        return None
    entry_id, seconds = found[0].decode(), int(found[1])
    return entry_id, max(0.0, seconds - int(entry_id.partition("-")[0]) / 1000)


def add(client: Redis, stream: str, fields: dict[str, Any]) -> bytes:
    """Add an entry -> its id in the stream. Raises InboxUnavailable, and Refused for `data` that is
    too large."""
    check_data(fields["data"])
    try:
        added: Any = client.xadd(stream, fields)  # type: ignore[arg-type]
    except redis.RedisError as exc:
        raise InboxUnavailable(f"Redis did not confirm the event: {reason(exc)}") from exc
    return bytes(added)


class Inbox:
    """Sends events to the inbox of the service that uses this Redis.

    inbox = Inbox("redis://127.0.0.1:6379/0")
    inbox.send("user:7", "parcel:moved", {"id": "3", "place": "Lyon"})
    inbox.once("scan-991")("user:7", "parcel:moved", {"id": "3", "place": "Lyon"})

    Loads no Flask. With the service's declared `events`, names and receivers are checked before an
    event is sent; without them, the worker refuses what does not fit.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = PREFIX,
        timeout: float = 5.0,
        events: Events | None = None,
    ) -> None:
        """`prefix` is the service's REDIS_PREFIX, `timeout` in seconds."""
        broker = Broker(url, prefix)
        self._redis = broker.connect(timeout=timeout)
        self._stream = broker.inbox
        self._events = Events() if events is None else events

    def send(self, room: str, event: str, payload: Any) -> None:
        """Add an event to `room`, or of a declared event to a receiver's id. Raises
        InboxUnavailable if Redis did not confirm it, and Refused for what the service would
        refuse."""
        self._add(room, event, payload, {})

    def once(self, id: str) -> Send:
        """A `send` whose event is accepted once, however often it is sent with this id. Raises
        Refused for an id that cannot be one."""
        check_id(id)

        def send(room: str, event: str, payload: Any) -> None:
            self._add(room, event, payload, {"id": id})

        return send

    def _add(self, room: str, event: str, payload: Any, more: Mapping[str, str]) -> None:
        receiver = self._receiver(room, event)
        try:
            data = orjson.dumps(payload)
        except TypeError as exc:  # also for half a character: the journal holds valid JSON
            raise Refused(f"the payload is no JSON: {exc}") from exc
        add(self._redis, self._stream, {"event": event, "to": receiver, "data": data, **more})

    def _receiver(self, room: str, event: str) -> str:
        """The field `to`: for a declared event the id alone, unless the id looks like a room."""
        declared = self._events.declared(event)
        room = self._events.room(declared, room)
        if declared is None or not declared.audience:
            return room
        id = room.removeprefix(f"{declared.audience}:")
        return room if self._events.looks_like_room(id) else id
