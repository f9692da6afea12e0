"""The sessions of one engine in this process, and what they share: limits, deadlines, handlers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import gevent

from ordercast.transport.admission import Admission
from ordercast.transport.endings import Ending
from ordercast.transport.heartbeat import Heartbeat
from ordercast.transport.incoming import Gone, Item
from ordercast.transport.lingering import Lingering
from ordercast.transport.packets import MalformedPacket
from ordercast.transport.session import Session

if TYPE_CHECKING:
    from ordercast.transport.limits import Limits
    from ordercast.transport.timers import Timers

logger = logging.getLogger(__name__)

Handlers = Mapping[str, Callable[..., Any]]  # "message" and "disconnect", as Engine.IO names them


class Registry:
    """`on_ended` is told of each session that ends, and how; `on_full` counts the clients that are
    refused. Both are called in the hub or in a sender's greenlet, and must not block."""

    def __init__(
        self,
        handlers: Handlers,
        limits: Limits,
        timers: Timers,
        *,
        on_ended: Callable[[Ending], None],
        on_full: Callable[[], None],
    ) -> None:
        self.limits = limits
        self.timers = timers
        self.admission = Admission(limits, timers, on_full=on_full)
        self.heartbeat = Heartbeat(timers, limits)
        self.lingering = Lingering(timers)
        self.sessions: dict[str, Session] = {}  # by id; some have ended, and owe CLOSE
        self.user_sessions: dict[str, dict[str, Any]] = {}  # python-socketio's, by id
        self._leaving: dict[str, Session] = {}  # ended; their disconnect handlers have not run yet
        self._handlers = handlers
        self._on_ended = on_ended
        self._working = 0

    def open(self, sid: str, address: str) -> Session:
        """A new session. No request finds it until `admit`."""
        session = Session(self, sid, address)
        self.admission.open(session)
        return session

    def admit(self, session: Session) -> None:
        self.sessions[session.sid] = session
        self.heartbeat.begin(session)

    def refuse(self, session: Session) -> None:
        """Count a session no more that is not admitted."""
        self.admission.close(session)

    def alive(self, sid: str) -> Session | None:
        """The session, if its client is still there, or its disconnect handlers run."""
        session = self._leaving.get(sid) or self.sessions.get(sid)
        if session is None or (session.closed and sid not in self._leaving):
            return None
        return session

    @property
    def is_busy(self) -> bool:
        """Whether handlers run."""
        return self._working > 0

    @property
    def owes_close(self) -> bool:
        """Whether the end of a session waits for its client's next poll."""
        return any(session.owes_close for session in self.sessions.values())

    # -- what a session calls

    def spawn(self, work: Callable[[], None]) -> gevent.Greenlet:
        return gevent.spawn(self._run, work)

    def _run(self, work: Callable[[], None]) -> None:
        self._working += 1
        try:
            work()
        finally:
            self._working -= 1

    def handle(self, session: Session, item: Item) -> None:
        try:
            if isinstance(item, Gone):
                try:
                    self._handlers["disconnect"](session.sid, item.reason)
                finally:
                    self._leaving.pop(session.sid, None)
                    self.user_sessions.pop(session.sid, None)
            else:
                self._handlers["message"](session.sid, item)
        except MalformedPacket as exc:
            session.incoming.discard()
            session.end(exc.ending, str(exc))
        except (Exception, gevent.Timeout):  # the latter is no Exception
            # A handler failed for this message of this client; the others go on.
            logger.exception("handler failed", extra={"engine": session.sid})

    def answered(self, session: Session) -> bool:
        return self.heartbeat.answered(session)

    def accept(self, session: Session) -> bool:
        return self.admission.accept(session)

    def leave(self, session: Session) -> None:
        self.admission.leave(session)

    def ended(self, session: Session, ending: Ending) -> None:
        self.admission.close(session)
        self.heartbeat.forget(session)
        self._leaving[session.sid] = session
        self._on_ended(ending)

    def forget(self, session: Session) -> None:
        self.sessions.pop(session.sid, None)
