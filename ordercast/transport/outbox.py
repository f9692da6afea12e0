"""The outbox of a client that polls: packets that wait for its next poll."""

from __future__ import annotations

from collections.abc import Sequence

from gevent.event import Event

from ordercast.transport.backlog import Backlog
from ordercast.transport.packets import CLOSED, NOTHING, Packet


class Outbox:
    """At most one poll waits at a time."""

    __slots__ = ("_backlog", "_poll")

    def __init__(self) -> None:
        self._backlog: Backlog | None = None  # None: nothing waits
        self._poll: Event | None = None  # the poll that waits

    @property
    def is_empty(self) -> bool:
        return self._backlog is None

    @property
    def backlog_bytes(self) -> int:
        """How many bytes wait, of the packets that count for the limit."""
        return 0 if self._backlog is None else self._backlog.size

    @property
    def is_polled(self) -> bool:
        """A poll waits."""
        return self._poll is not None

    @property
    def owes_close(self) -> bool:
        """CLOSE waits for the client's next poll."""
        return self._backlog is not None and self._backlog.last is CLOSED

    def put(self, packet: Packet, *, limit: int) -> bool:
        """Keep the packet for the poll. False when more than `limit` bytes wait; 0 is no limit."""
        if self._backlog is None:
            self._backlog = Backlog()
        is_within = self._backlog.add(packet, limit=limit)
        self.wake()
        return is_within

    def put_all(self, packets: Sequence[Packet]) -> None:
        """Keep packets that count for no limit, at least one."""
        if self._backlog is None:
            self._backlog = Backlog()
        self._backlog.add_uncounted(packets)
        self.wake()

    def answer_poll(self) -> None:
        """End the poll that waits with NOOP, if there is no packet for it."""
        if self._poll is not None and self._backlog is None:
            self.put_all([NOTHING])

    def close(self, *, told: bool, left: bool) -> bool:
        """End with the session -> whether something is left for the client to fetch. `told`: CLOSE
        follows all packets that wait. `left`: the client has sent CLOSE, and fetches these packets
        with the poll that it began before, which may be read after that."""
        if told:
            self._backlog = Backlog([*(self._backlog or ()), CLOSED])
        elif not left:
            self._backlog = None
        self.wake()
        return left or self._backlog is not None

    def wake(self) -> None:
        """End the poll that waits."""
        if self._poll is not None:
            self._poll.set()

    def poll(self, *, wait: bool) -> list[Packet]:
        """The packets to answer a poll with; `wait` until there are some."""
        if wait and self._backlog is None:
            self._poll = Event()
            try:
                self._poll.wait()
            finally:
                self._poll = None
        owes_close = self.owes_close
        taken = self.pop_all()
        if owes_close and len(taken) > 1:
            # The stock client handles the CLOSE of an answer before the events of that answer, and
            # keeps these for its next connection. So CLOSE has an answer of its own.
            self._backlog = Backlog([taken.pop()])
        return taken or [NOTHING]

    def pop_all(self) -> list[Packet]:
        """Everything that waits: for an upgrade."""
        taken, self._backlog = list(self._backlog or ()), None
        return taken
