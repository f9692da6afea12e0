"""After CONNECT: what the client missed, then what was held for it meanwhile, then live events.

In pieces, the next when the client has taken the one before: they count for no limit, and the
client's time is its own. What comes live meanwhile waits behind them, up to MAX_BACKLOG_BYTES: a
client that is too slow for that ends as slow clients do, and goes on where it came to.
"""

import logging
from collections.abc import Callable
from functools import partial

from socketio import Server

from ordercast.endings import Ending, ServiceEnding
from ordercast.live.connections import Connection
from ordercast.live.delivery import Delivery
from ordercast.live.rooms import Member, State
from ordercast.metrics import RECOVERIES

logger = logging.getLogger(__name__)


class Replay:
    """`close` ends a client's transport: it comes back by itself."""

    def __init__(self, delivery: Delivery, close: Callable[[str, Ending], None]) -> None:
        self._delivery = delivery
        self._close = close
        self.server: Server = None

    def start(self, member: Member, connection: Connection) -> None:
        """CONNECT is on its way. Returns when the client has it all, or takes its time."""
        try:
            while self._send_next(member, connection):
                self.server.sleep(0)  # many that come back at once take turns with the others
        except Exception:
            # The database may be away. Whatever it is, nothing may overtake the rest of it.
            logger.exception("replay broke off", extra={"sid": connection.sid})
            self._close(connection.sid, ServiceEnding.REPLAY_BROKEN)

    def _send_next(self, member: Member, connection: Connection) -> bool:
        """Send one piece -> whether it was taken at once and there is more."""
        missed = connection.missed
        entries = () if missed is None else missed.next_piece()  # others run meanwhile
        if member.state is not State.CONNECTED:
            return False
        taken = self._delivery.send_piece(
            member,
            entries,
            is_last=missed is None or missed.is_read,
            taken=partial(self._on_taken, member, connection),
        )
        if taken and member.held is None:
            self._finish(connection)
        return taken and member.held is not None

    def _on_taken(self, member: Member, connection: Connection) -> None:
        if member.held is None:
            self._finish(connection)
        else:
            self.server.start_background_task(self.start, member, connection)

    def _finish(self, connection: Connection) -> None:
        missed, connection.missed = connection.missed, None
        if missed is not None:
            RECOVERIES.labels(missed.source).inc()
