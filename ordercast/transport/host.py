"""The interface of a session to the parts that the sessions of an engine share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import gevent

    from ordercast.transport.endings import Ending
    from ordercast.transport.incoming import Item
    from ordercast.transport.limits import Limits
    from ordercast.transport.timers import Timers

SessionT = TypeVar("SessionT", contravariant=True)


class Host(Protocol[SessionT]):
    """No method blocks, except for `handle`."""

    @property
    def limits(self) -> Limits: ...
    @property
    def timers(self) -> Timers: ...

    def spawn(self, work: Callable[[], None]) -> gevent.Greenlet:
        """Run `work` in a greenlet, for whose end a process that shuts down waits."""

    def handle(self, session: SessionT, item: Item) -> None:
        """Call the handlers, in the session's greenlet. Raises nothing."""

    def answered(self, session: SessionT) -> bool:
        """Note a PONG -> whether it answers a ping."""

    def accept(self, session: SessionT) -> bool:
        """Count the session as authenticated. False: there is no capacity."""

    def leave(self, session: SessionT) -> None:
        """Count the session as not authenticated again."""

    def ended(self, session: SessionT, ending: Ending) -> None:
        """Count the session no more; its disconnect handlers are still to run."""

    def forget(self, session: SessionT) -> None:
        """Let no request find the session any more; calling it again is harmless."""
