"""The queue: Flask-SocketIO's own Redis channel and format, so that `SocketIO(message_queue=...)`
in a script keeps working.

Differences from python-socketio's RedisManager, and why:

- A message that would make every client close its connection, or has a room that is no text, is
  refused.
- `_publish` raises; the stock one tries twice, logs, and loses the message.
- No thread is started: the process has one Redis subscription (subscription.py).
- `host_id` belongs to the process, also after a fork: with gunicorn's --preload the stock one is
  shared, and processes take each other's messages for their own.

The private parts of python-socketio and engineio that live/ and transport/ use, and the versions
they were read in, are listed in tests/unit/test_pins.py.
"""

import logging
import threading
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from uuid import uuid4

from ordercast.broker import Broker
from ordercast.captures import CapturedEvent, Captures, rooms_of
from ordercast.emits.messages import MARK, read
from ordercast.live.delivery import Delivery
from ordercast.live.emits import EmitManager
from ordercast.live.member import NAMESPACE
from ordercast.metrics import QUEUE_MESSAGES_REFUSED

logger = logging.getLogger(__name__)
MAX_PUBLISHING = 20  # messages at a time, each over a connection of its own
PICKLE = b"\x80"  # the first byte of a Python pickle, protocol 2 and newer; no JSON begins with it
PICKLED = (
    "a pickled queue message was refused: its sender's python-socketio is older than 5.14,"
    " which is the first that writes JSON"
)


class QueueManager(EmitManager):
    """A client manager whose emits reach the clients of all processes. `start` begins to listen to
    the other processes; called at the first session, and harmless to call again."""

    def __init__(
        self, broker: Broker, delivery: Delivery, captures: Captures, *, start: Callable[[], None]
    ) -> None:
        self._host: str | None = None
        super().__init__(delivery, channel=broker.queue_channel)
        self._redis = broker.connect()
        # A client of Redis refuses to open its 101st connection: the handlers of many clients that
        # emit at the same moment wait for each other instead.
        self._publishing = threading.BoundedSemaphore(MAX_PUBLISHING)
        self.captures = captures
        self._start = start
        self._methods = {
            "emit": self._handle_emit,
            "disconnect": self._handle_disconnect,
            "enter_room": self._enter_for_another,
            "leave_room": self._leave_for_another,
            "close_room": self._close_for_another,
            MARK: lambda _message: None,  # of a worker
            "doctor": lambda _message: None,  # a round trip of doctor/redis.py
        }

    def initialize(self) -> None:
        self._start()

    @property
    def host_id(self) -> str:
        """This process's name on the queue."""
        if self._host is None:
            self._host = uuid4().hex
        return self._host

    @host_id.setter
    def host_id(self, _value: str) -> None:
        """Ignore the id that the base class sets before the fork."""

    def forget_host(self) -> None:
        """Take a new name after a fork: this is another process."""
        self._host = None

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
        to = to or room
        super().emit(event, data, namespace, to, skip_sid, callback, **kwargs)
        if self.captures:
            captured = CapturedEvent(
                event,
                deepcopy(data),  # the caller may go on with it
                rooms_of(to),
                durable=False,
                namespace=namespace or NAMESPACE,
            )
            self.captures.emitted(captured)

    def receive(self, message: bytes) -> None:
        """Handle a message of the stock channel, from another process or an external script."""
        try:
            data = read(message)
            method = data["method"]
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            QUEUE_MESSAGES_REFUSED.inc()
            if message.startswith(PICKLE):
                logger.warning(PICKLED, extra={"channel": self.channel})
            else:
                logger.warning("queue message makes no sense", extra={"error": repr(exc)})
            return
        if method == "emit" and not self._hosts(data):
            return
        if method == "callback":
            self._handle_callback(data)
        elif data.get("host_id") != self.host_id:
            handler = self._methods.get(method)
            if handler is None:
                QUEUE_MESSAGES_REFUSED.inc()
                logger.warning("queue message of unknown method", extra={"method": str(method)})
            else:
                handler(data)

    def _hosts(self, message: dict[str, Any]) -> bool:
        """False only when no client of this process is in the room of the emit: most emits, where
        there are many processes."""
        return self.is_anyone_in(message.get("namespace") or NAMESPACE, message.get("room"))

    def _enter_for_another(self, message: dict[str, Any]) -> None:
        sid, namespace = message["sid"], message.get("namespace")
        if self.member(sid, namespace or NAMESPACE) is not None:
            self._run(self.server.enter_room, sid, message["room"], namespace)

    def _leave_for_another(self, message: dict[str, Any]) -> None:
        sid, namespace = message["sid"], message.get("namespace")
        if self.member(sid, namespace or NAMESPACE) is not None:
            self._run(self.server.leave_room, sid, message["room"], namespace)

    def _close_for_another(self, message: dict[str, Any]) -> None:
        self._run(self.server.leave_closed_room, message["room"], message.get("namespace"))

    def _run(self, call: Callable[..., None], *arguments: Any) -> None:
        """Call in the background: it may write, and messages for others wait behind this one."""
        self.server.start_background_task(_call_logged, call, *arguments)

    def _publish(self, data: dict[str, Any]) -> None:
        """Send to the other processes. Raises redis.RedisError; TypeError for what is no JSON."""
        text = self.json.dumps(data)
        if not self.captures.is_quiet:
            with self._publishing:
                self._redis.publish(self.channel, text)


def _call_logged(call: Callable[..., None], *arguments: Any) -> None:
    try:
        call(*arguments)
    except Exception:
        # The process that asked has had its answer: the client is where it was.
        logger.exception("room not changed", extra={"call": call.__name__})
