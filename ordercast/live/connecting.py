"""The connect path: from a client's CONNECT until it gets live events.

    identify ─▶ admit ─▶ rooms ─▶ handler ─▶ CONNECT ─▶ replay ─▶ backlog ─▶ live

One direction, one function, and one backlog for the events that wait (`Member.backlog`): from the
moment the client is in its rooms until it has all that it missed.
"""

import logging
import random
from collections.abc import Callable
from typing import Any, Protocol

from flask import Flask
from gevent import Timeout
from socketio.exceptions import ConnectionRefusedError

from ordercast.errors import (
    AuthenticationRequired,
    KeysUnavailable,
    Refuse,
    SocketError,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
    TooManyConnections,
    Unavailable,
)
from ordercast.live.handlers import kept_errors
from ordercast.live.member import Member
from ordercast.live.replay import Replay
from ordercast.live.rooms import RoomManager
from ordercast.metrics import CONNECTS_REFUSED
from ordercast.transport import ConnectRequest

logger = logging.getLogger(__name__)
# From a connect that failed until the transport is closed, after which the client reconnects: a
# database that is unavailable, or just came back, does not meet all clients at once, and meets each
# of them rarely.
COME_BACK_SECONDS = (1.0, 5.0)
INTERNAL_ERROR = {"message": "Internal error"}
FAILURES = (Exception, Timeout)  # gevent's Timeout is no Exception
COUNTED: tuple[type[SocketError], ...] = (
    Refuse, AuthenticationRequired, TokenInvalid, TokenExpired, TokenRevoked, TooManyConnections,
    Unavailable, KeysUnavailable,
)  # fmt: skip
for refusal in COUNTED:
    CONNECTS_REFUSED.labels(refusal.code)  # every series exists at 0 from the beginning


class RefusedByHandler(Refuse):
    """The team's own connect handler has refused the client. `answer`: {message, data?}."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer.get("message")))
        self.answer = answer


class Clients(Protocol):
    """The steps of the connect path that a namespace decides, in this order. The first four may
    raise Refuse; any other error means that the client cannot be let in now."""

    def identify(self, member: Member, request: ConnectRequest) -> None:
        """Find out and keep the client's identity."""

    def admit(self, member: Member, request: ConnectRequest) -> None:
        """Check that the user may have one more connection."""

    def enter_rooms(self, member: Member, request: ConnectRequest) -> None:
        """Enter the client's rooms: emits to them wait from here on."""

    def confirm(self, member: Member, request: ConnectRequest) -> dict[str, Any]:
        """The connect handler has accepted the client, and may have entered other rooms: let the
        journal's events wait as well -> the fields of CONNECT besides its sid."""

    def connected(self, member: Member) -> None:
        """CONNECT was sent: note the client as connected."""

    def forget(self, member: Member) -> None:
        """Forget a client that was not let in, or has left meanwhile."""


class Anybody:
    """The steps where no identity is configured, and in other namespaces than `/`: the team's
    connect handler alone decides."""

    def identify(self, member: Member, request: ConnectRequest) -> None:
        pass

    def admit(self, member: Member, request: ConnectRequest) -> None:
        pass

    def enter_rooms(self, member: Member, request: ConnectRequest) -> None:
        member.begin_backlog()

    def confirm(self, member: Member, request: ConnectRequest) -> dict[str, Any]:
        return {}

    def connected(self, member: Member) -> None:
        pass

    def forget(self, member: Member) -> None:
        pass


ANYBODY = Anybody()


class ConnectPath:
    """`clients` returns the steps of a namespace."""

    def __init__(
        self,
        app: Flask,
        manager: RoomManager,
        replay: Replay,
        clients: Callable[[str], Clients] = lambda namespace: ANYBODY,
    ) -> None:
        self._app = app
        self._manager = manager
        self._replay = replay
        self._clients = clients

    def connect(self, request: ConnectRequest) -> None:
        """Answer a client's CONNECT, in the client's own greenlet. Returns when the client has all
        that it missed; or reads slowly, and gets the rest in the background."""
        clients = self._clients(request.namespace)
        member = self._manager.begin(request.eio_sid, request.namespace)
        try:
            with self._app.app_context():
                clients.identify(member, request)
                clients.admit(member, request)
                clients.enter_rooms(member, request)
            self._ask_handler(member, request)
            with self._app.app_context():
                answer = {"sid": member.sid, **clients.confirm(member, request)}
        except Refuse as exc:
            self._log_refusal(exc, member, request)
            clients.forget(member)
            # End before answering, which fails where a handler's data is no JSON.
            self._manager.end(member, request.namespace)
            request.refuse(answer_to(exc))
            return
        except FAILURES as exc:
            # A stock client comes back by itself after its transport closes, but not after a
            # connect_error.
            self._log_failure(exc, member)
            clients.forget(member)
            self._manager.end(member, request.namespace)
            request.come_back(random.uniform(*COME_BACK_SECONDS))
            return
        is_there = request.accept(answer)
        self._manager.connect(member.sid, request.namespace)
        if not is_there:
            logger.info("left while connecting", extra={"sid": member.sid})
            clients.forget(member)
            return
        clients.connected(member)
        self._replay.start(member)

    def _ask_handler(self, member: Member, request: ConnectRequest) -> None:
        """Call the team's connect handler, if there is one. Raises Refuse."""
        arguments = (member.sid, request.environ, request.auth)
        try:
            with kept_errors() as errors:
                trigger = self._manager.server._trigger_event
                accepted = trigger("connect", request.namespace, *arguments)
            if errors:  # swallowed: the team's error handler has seen it, and decides nothing
                raise errors[0]
        except Refuse:
            raise
        except ConnectionRefusedError as exc:
            raise RefusedByHandler(exc.error_args) from exc
        except FAILURES as exc:
            logger.exception("connect handler failed", extra={"sid": member.sid})
            raise RefusedByHandler(INTERNAL_ERROR) from exc
        if accepted is False:
            raise RefusedByHandler(ConnectionRefusedError().error_args)

    def _log_failure(self, error: BaseException, member: Member) -> None:
        if isinstance(error, KeysUnavailable):  # what is wrong is at the issuer, not in this code
            code = error.code
            extra = {"code": code, "reason": error.reason, "sid": member.sid}
            logger.warning("connect failed", extra=extra)
        else:
            code = Unavailable.code
            logger.error("connect failed", exc_info=error, extra={"sid": member.sid})
        CONNECTS_REFUSED.labels(code).inc()

    def _log_refusal(self, error: Refuse, member: Member, request: ConnectRequest) -> None:
        # Count by class: the codes of a team's own refusals must not add a time series each.
        CONNECTS_REFUSED.labels(type(error).code).inc()
        logger.info(
            "connect refused",
            extra={
                "code": error.code,
                "reason": error.reason,
                "sid": member.sid,
                "address": request.environ.get("REMOTE_ADDR"),
            },
        )


def answer_to(error: Refuse) -> dict[str, Any]:
    """The connect_error: {message, data?}."""
    if isinstance(error, RefusedByHandler):
        return error.answer
    data = error.data
    return {"message": error.told} if data is None else {"message": error.told, "data": data}
