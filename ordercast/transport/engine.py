"""The Engine.IO server (protocol 4) in the place of python-engineio's: what python-socketio and
others call, under the same names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import engineio
from engineio.packet import Packet as StockPacket

from ordercast.transport import packets
from ordercast.transport.endings import Ending, TransportEnding
from ordercast.transport.endpoint import Endpoint
from ordercast.transport.packets import Packet
from ordercast.transport.registry import Registry
from ordercast.transport.timers import Timers

if TYPE_CHECKING:
    from ordercast.transport.handover import HandOver, Serve
    from ordercast.transport.limits import Limits
    from ordercast.transport.peers import Peers
    from ordercast.transport.session import Session

# Whether a page of this origin may connect: (Origin of the request, its environ).
OriginCheck = Callable[[str | None, Mapping[str, Any]], bool]


class Engine(engineio.Server):
    """The limits and the heartbeat are those of `limits`; `options` are python-engineio's, of which
    those for the heartbeat and the size of a message have no effect.

    `origins`: where the options have no `cors_allowed_origins`; without either only pages of the
    same host may connect. An attribute `expected(environ) -> list` of it is for the log.
    `on_ended` is told of each session that ends, and how; `on_full` counts the clients that are
    refused; `on_cut` counts the HTTP requests and connections that are given up, by their reason.
    None of them may block. `peers`: the processes of other hosts, behind the same balancer.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        origins: OriginCheck | None = None,
        on_ended: Callable[[Ending], None] = lambda _: None,
        on_full: Callable[[], None] = lambda: None,
        on_cut: Callable[[str], None] = lambda _: None,
        timers: Timers | None = None,
        peers: Peers | None = None,
        **options: Any,
    ) -> None:
        if options.get("cors_allowed_origins") is None:
            options["cors_allowed_origins"] = origins
        super().__init__(**{**options, "monitor_clients": False})
        self.limits = limits
        self.timers = Timers() if timers is None else timers
        self.count_cut = on_cut
        self.registry = Registry(
            self.handlers, limits, self.timers, on_ended=on_ended, on_full=on_full
        )
        self.sockets = self.registry.sessions
        self.peers = peers
        self._endpoint = Endpoint(self, self.registry, peers)

    # -- python-socketio

    def handle_request(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """The WSGI application."""
        return self._endpoint(environ, start_response)

    def send(self, sid: str, data: str | bytes) -> None:
        session = self.sockets.get(sid)
        if session is not None:
            session.send(packets.message(data))

    def send_packet(self, sid: str, packet: Packet | StockPacket) -> None:
        session = self.sockets.get(sid)
        if session is not None:
            if isinstance(packet, StockPacket):
                packet = Packet(packet.encode())
            session.send(packet)

    def disconnect(self, sid: str | None = None) -> None:
        for session in list(self.sockets.values()) if sid is None else [self.sockets.get(sid)]:
            if session is not None:
                session.end(TransportEnding.CLOSED_BY_SERVER)

    def _get_socket(self, sid: str) -> Session:
        """The session, for `transport()`, which also works while the client's disconnect handlers
        run, as user sessions do. Raises KeyError."""
        session = self.registry.alive(sid)
        if session is None:
            raise KeyError("Session not found")
        return session

    def get_session(self, sid: str) -> dict[str, Any]:
        """The user session. Raises KeyError."""
        return self.registry.user_sessions.setdefault(self._get_socket(sid).sid, {})

    def save_session(self, sid: str, session: dict[str, Any]) -> None:
        """Raises KeyError."""
        self.registry.user_sessions[self._get_socket(sid).sid] = session

    def generate_id(self) -> str:
        """A session id that ends in the name of the process that owns the session."""
        identifier: str = super().generate_id()
        hand_over = self._endpoint.hand_over
        return identifier + hand_over.name if hand_over else identifier

    # -- the worker

    def start(self, hand_over: HandOver, serve: Serve) -> None:
        """Serve in this process from now on: the ids of its sessions end in the name of
        `hand_over`, through which go requests for the sessions of other processes; `serve` is
        called with those of other hosts. Raises OSError."""
        self._endpoint.start(hand_over)
        if self.peers is not None:
            self.peers.start(hand_over.name, serve)

    def stop(self) -> None:
        """Take no more requests of other hosts."""
        if self.peers is not None:
            self.peers.stop()

    @property
    def hand_over(self) -> HandOver | None:
        """The hand-over of this process, once started."""
        return self._endpoint.hand_over

    def backlogs(self) -> Iterator[int]:
        """How many bytes wait for each client."""
        return (session.backlog_bytes for session in list(self.registry.sessions.values()))

    def drain(self) -> None:
        """Open no session any more: the process shuts down."""
        self._endpoint.drain()

    @property
    def draining(self) -> bool:
        return self._endpoint.draining
