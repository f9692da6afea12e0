"""After CONNECT: what the client missed, then the events that waited meanwhile, then live events.

Missed events go in pieces, the next when the client has taken the one before: these count for no
limit, and the client may read slowly. Live events wait behind them, up to MAX_BACKLOG_BYTES: the
session of a client that is too slow for that ends, and the client recovers from its last offset.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from ordercast.endings import ServiceEnding
from ordercast.live.closing import close
from ordercast.live.delivery import Delivery
from ordercast.live.member import Member, State
from ordercast.metrics import RECOVERIES
from ordercast.transport import Turns

logger = logging.getLogger(__name__)


class Replay:
    """`start_task` runs a function in the background."""

    def __init__(self, delivery: Delivery, start_task: Callable[..., object]) -> None:
        self._delivery = delivery
        self._start_task = start_task
        self._large_pieces = Turns(threading.Lock(), time.sleep)

    def start(self, member: Member) -> None:
        """Send what follows CONNECT. Returns when the client has it all, or reads slowly: then the
        rest follows in the background."""
        self._send(member)

    def _go_on(self, member: Member) -> None:
        """Send the rest."""
        self._wait_for_turn(member)
        self._send(member)

    def _send(self, member: Member) -> None:
        try:
            while self._send_next(member):
                self._wait_for_turn(member)
        except Exception:
            # The database may be unavailable. Nothing may overtake the rest of the replay: the
            # client comes back by itself.
            logger.exception("replay broke off", extra={"sid": member.sid})
            close(member.session, ServiceEnding.REPLAY_BROKEN)

    def _wait_for_turn(self, member: Member) -> None:
        """Clients that come back at once take turns with the others. The first piece needs none, as
        their connects have waited: it is in the same poll as CONNECT."""
        time.sleep(0)  # clients that wait for a turn have it before the next piece of this client
        missed = None if member.connection is None else member.connection.missed
        if missed is not None and missed.is_large:
            self._large_pieces.wait()

    def _send_next(self, member: Member) -> bool:
        """Send one piece -> whether it was taken at once and there is more."""
        missed = None if member.connection is None else member.connection.missed
        entries = () if missed is None else missed.next_piece()  # other greenlets run meanwhile
        if member.state is not State.REPLAYING:
            return False
        taken = self._delivery.send_piece(
            member,
            entries,
            is_last=missed is None or missed.is_read,
            taken=partial(self._on_taken, member),
        )
        if taken and member.backlog is None:
            self._finish(member)
        return taken and member.backlog is not None

    def _on_taken(self, member: Member) -> None:
        if member.backlog is not None:
            self._start_task(self._go_on, member)
        else:
            self._finish(member)

    def _finish(self, member: Member) -> None:
        missed = None if member.connection is None else member.connection.end_replay()
        if missed is not None:
            RECOVERIES.labels(missed.source).inc()
