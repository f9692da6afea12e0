"""The client manager with ORDERCAST_DURABLE: emits of matching names become events of the journal.

Those of this process get a row of their own. Those of external scripts are left to the worker
(emits/relay.py), and reach the clients through the journal.
"""

from collections.abc import Callable
from typing import Any

from socketio.packet import Packet

from ordercast.emits import Durable, Emitter
from ordercast.emits.durable import STAYS
from ordercast.live.member import NAMESPACE
from ordercast.live.queue import QueueManager


class DurableManager(QueueManager):
    """`is_on` is asked at each emit: in an application's own tests (TESTING) there is no worker."""

    def __init__(
        self,
        *arguments: Any,
        durable: Durable,
        emitter: Emitter,
        is_on: Callable[[], bool],
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._durable = durable
        self._emitter = emitter
        self._is_on = is_on

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str | None = None,
        room: Any = None,
        skip_sid: Any = None,
        callback: Callable[..., Any] | None = None,
        to: Any = None,
        **kwargs: Any,
    ) -> None:
        """As ever, or a durable event. Raises InboxUnavailable when neither the database nor Redis
        has taken it, and SQLAlchemyError."""
        to = to or room
        if self._durable.matches(event) and self._is_on():
            message = {
                "event": event,
                "namespace": namespace,
                "room": list(to) if isinstance(to, tuple | set | frozenset) else to or None,
                "skip_sid": skip_sid,
                "callback": callback,
            }
            if self._emit_durably(message, data, is_local=bool(kwargs.get("ignore_queue"))):
                return
        super().emit(event, data, namespace, to, skip_sid, callback, **kwargs)

    def _emit_durably(self, message: dict[str, Any], data: Any, *, is_local: bool) -> bool:
        """Whether it became an event of the journal."""
        name, room = message["event"], message["room"]
        if is_local:
            self._durable.log(name, "it ignores the queue")
            return False
        if any(self._is_sid(one) for one in (room if isinstance(room, list) else [room])):
            self._durable.log(name, "it goes to one client, by its sid")
            return False
        message["binary"] = Packet.data_is_binary(data)
        message["data"] = list(data) if isinstance(data, tuple) else [data]
        if not message["binary"]:
            # The payload as clients would get it, by the JSON module of the team's choice.
            message["data"] = self.json.loads(self.json.dumps(message["data"]))
        found = self._durable.read(message)
        if found is None:
            return False
        self._emitter.emit(found.room, found.name, found.data, further=found.further)
        if self.captures:  # no journal brings it to the clients of a test
            self.emit_here(name, data, room)
        return True

    def _is_sid(self, room: Any) -> bool:
        """Whether the room is a client of this process."""
        return isinstance(room, str) and self.member(room, NAMESPACE) is not None

    def _handle_emit(self, message: dict[str, Any]) -> None:
        is_from_outside = message.get("host_id") != self.host_id
        if is_from_outside and self._is_on() and self._durable.read(message) is not None:
            return  # the worker journals it
        super()._handle_emit(message)

    def _publish(self, data: dict[str, Any]) -> None:
        if data["method"] == "emit" and self._durable.matches(data["event"]):
            data = {**data, STAYS: True}  # decided here, where more is known: the sids
        super()._publish(data)
