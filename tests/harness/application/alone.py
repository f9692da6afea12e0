"""A process alone: the transport and the connect path, without identities and without a queue. The
connect handlers decide."""

from collections.abc import Callable
from typing import Any

import socketio
from flask import Flask

from ordercast.live.connecting import Clients, ConnectPath
from ordercast.live.delivery import Delivery, Sending
from ordercast.live.emits import EmitManager
from ordercast.live.replay import Replay
from ordercast.transport import Engine, StrictPacket, install, send_all, send_piece


class Alone:
    """`manager` goes into the server as its client manager; the options are those of Sending."""

    def __init__(self, **options: Any) -> None:
        sending = Sending(**{"send_all": send_all, "send_piece": send_piece, **options})
        self._delivery = Delivery(sending, packet_class=StrictPacket, max_backlog_bytes=0)
        self.manager = EmitManager(self._delivery)

    def install(
        self, server: socketio.Server, *clients: Callable[[str], Clients], **options: Any
    ) -> Engine:
        """The options are those of ordercast.transport.install()."""
        return install(server, connect=self.path(server, *clients).connect, **options)

    def path(self, server: socketio.Server, *clients: Callable[[str], Clients]) -> ConnectPath:
        replay = Replay(self._delivery, server.start_background_task)
        return ConnectPath(Flask("alone"), self.manager, replay, *clients)
