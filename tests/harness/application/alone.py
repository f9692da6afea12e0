"""A process alone: the transport and the connect path, without identities and without a queue. The
connect handlers decide."""

from collections.abc import Callable
from functools import partial
from typing import Any

import gevent
from flask import Flask

from ordercast.live.connecting import Clients, ConnectPath
from ordercast.live.delivery import Delivery, Sending
from ordercast.live.emits import EmitManager
from ordercast.live.replay import Replay
from ordercast.transport import Engine, Limits, StrictPacket, StrictServer, send_all, send_piece


class Alone:
    """The options are those of Sending."""

    def __init__(self, **options: Any) -> None:
        sending = Sending(**{"send_all": send_all, "send_piece": send_piece, **options})
        self._delivery = Delivery(sending, packet_class=StrictPacket, max_backlog_bytes=0)
        self.manager = EmitManager(self._delivery)

    def server(
        self, *clients: Callable[[str], Clients], limits: Limits, **options: Any
    ) -> StrictServer:
        """The options are those of python-socketio."""
        return StrictServer(
            connect=self.path(*clients).connect,
            engine=partial(Engine, limits),
            client_manager=self.manager,
            **options,
        )

    def path(self, *clients: Callable[[str], Clients]) -> ConnectPath:
        return ConnectPath(
            Flask("alone"), self.manager, Replay(self._delivery, gevent.spawn), *clients
        )
