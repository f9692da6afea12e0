"""Socket.IO: who is connected, and how the journal reaches them.

namespace.py      connect (the token), disconnect
lifetime.py       a token that expires, and `auth:refresh`
revocations.py    what a token must not be, in memory
dismissal.py      and the connections of what is revoked are closed, whatever else is down
recovery.py       a client that comes back gets what it missed: from ring.py, else the journal
pid.py            its ticket back, signed        packets.py   puts it into the answer to CONNECT
rooms.py          who is in which room
connections.py    the authenticated connections of this process
census.py         how many of them a revocation hits
queue_manager.py  rooms and emits, on Flask-SocketIO's own Redis channel and format
delivery.py       an event to whom it concerns, or held for it; offsets
closing.py        the end of a connection, by its name in ordercast/endings.py
missed.py         what a client missed, read in pieces
replay.py         CONNECT first, then what was missed, then what was held, then what comes
subscription.py   the one Redis subscription of this process
follower.py       the journal's events, in position order, each once
marking.py        how far this process has come, for sequencers that forgot
readiness.py      whether they arrive, for /readyz
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from flask_socketio import SocketIO
from gevent import monkey

from ordercast import health
from ordercast.broker import Broker
from ordercast.capacity import max_connections, max_open
from ordercast.journal import Marks
from ordercast.live.census import Counter
from ordercast.live.closing import count
from ordercast.live.connections import Connections
from ordercast.live.dismissal import Dismissal
from ordercast.live.follower import Follower
from ordercast.live.lifetime import Lifetime
from ordercast.live.marking import keep_marked
from ordercast.live.namespace import OrderNamespace
from ordercast.live.packets import packet_class
from ordercast.live.queue_manager import QueueManager
from ordercast.live.readiness import Readiness
from ordercast.live.recovery import Recovery
from ordercast.live.revocations import Revocations
from ordercast.live.subscription import Subscription
from ordercast.metrics import CONNECTS_REFUSED, REQUESTS_CUT
from ordercast.origins import Origins
from ordercast.settings import Settings
from ordercast.transport import Limits, install, send_all, send_piece

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 8.0  # without one from the database until then: 503, and the follower tries again
PATH = "/socket.io"

NEVER = (
    1_000_000  # seconds; a heartbeat that is off still needs a number that a client's timer holds
)


class Realtime:
    """The moving parts of one process; `app.extensions["realtime"]`."""

    def __init__(self, app: Flask) -> None:
        settings: Settings = app.config["SETTINGS"]
        broker = Broker.of(settings)
        self._app = app
        self._database = app.extensions["ordercast"].database
        self.identify = app.extensions["ordercast"].identify
        store = app.extensions["ordercast"].revocations
        self.connections = Connections()
        self.revocations = Revocations(store)
        self.manager = QueueManager(broker, self.connections, self.revocations)
        self.manager.delivery.max_held_bytes = settings.MAX_BACKLOG_BYTES
        self.follower = Follower(app, self.manager)
        self.readiness = Readiness(self.follower)
        self._marks = Marks(broker)
        self.dismissal = Dismissal(self.connections, self.revocations, self.manager.close_hit_by)
        store.subscribe(self.dismissal.on_revoked)
        self.recovery = Recovery(app, self.follower, self.connections)
        self.lifetime = Lifetime(
            settings,
            self.manager,
            self.connections,
            self.revocations,
            identify=self.identify,
        )
        self.manager.on_connected = self.lifetime.watch
        census = Counter(
            broker,
            self.connections,
            rules=store.rules,
            start=lambda *call: self.socketio.start_background_task(*call),
        )
        self.subscription = Subscription(
            broker,
            {
                broker.queue_channel: self.manager.receive,
                broker.journal_channel: self.follower.receive,
                broker.census_channel: census.receive,
            },
            on_subscribed=self.follower.look,
        )
        self.socketio = SocketIO(
            client_manager=self.manager,
            serializer=packet_class(self.connections),
            async_mode="gevent" if monkey.is_module_patched("socket") else "threading",
            cors_allowed_origins=Origins(settings.CORS_ORIGINS),
            cors_credentials=True,
            ping_interval=settings.PING_INTERVAL or NEVER,
            ping_timeout=settings.PING_TIMEOUT or NEVER,
            max_http_buffer_size=settings.MAX_MESSAGE_BYTES or 2**31 - 1,
            manage_session=False,
        )
        self.socketio.on_namespace(OrderNamespace(self, app))
        self.socketio.init_app(app)
        # Under `flask run`, for development, there is no gevent: the stock engine serves it.
        self.engine = None
        if self.socketio.async_mode == "gevent":
            self.engine = install(
                self.socketio.server,
                on_gone=self.connections.release,
                limits=_limits(settings),
                on_ended=count,
                on_full=CONNECTS_REFUSED.labels("too_many_connections").inc,
                on_cut=lambda why: REQUESTS_CUT.labels(why).inc(),
            )
            self.lifetime.timers = self.engine.timers
            self.manager.delivery.send_all = send_all
            self.manager.delivery.hand_piece = send_piece
        self._started_in: int | None = None
        self._starting = threading.Lock()

    @property
    def draining(self) -> bool:
        """This process is going away, and its clients to the others."""
        return self.engine is not None and self.engine.draining

    def hand_over(self) -> str:
        """`ok` while other processes of this host can hand requests to this one."""
        ours = self.engine.hand_over if self.engine is not None else None
        return health.OK if ours is None or ours.problem is None else health.UNAVAILABLE

    def start(self) -> None:
        """Start listening in this process; again is harmless. After any fork: what runs in the
        background does not survive one."""
        with self._starting:
            if self._started_in == os.getpid():
                return
            self._started_in = os.getpid()
            self.manager.forget_host()
            self.readiness.begin()
            self._database.limit_answers(ANSWER_SECONDS)
            # Subscribed first, read second: what is published in between is held or read, not lost.
            self.socketio.start_background_task(self.subscription.run)
            self.socketio.start_background_task(self.follower.run)
            self.socketio.start_background_task(keep_marked, self.follower, self._marks)
            self.socketio.start_background_task(self.dismissal.run)
            logger.info("following the journal")


def init_app(app: Flask) -> None:
    realtime = app.extensions["realtime"] = Realtime(app)
    checks = app.extensions["ordercast"].health
    checks.add(health.Check("worker", realtime.readiness.worker))
    checks.add(health.Check("journal", realtime.readiness.delivery))
    checks.add(health.Check("handover", realtime.hand_over))
    app.wsgi_app = _either_path(app.wsgi_app)  # type: ignore[assignment,method-assign]


def _either_path(inner: WSGIApplication) -> WSGIApplication:
    """A client with `addTrailingSlash: false` asks for the path without the slash."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            environ["PATH_INFO"] = f"{PATH}/"
        return inner(environ, start_response)

    return application


def _limits(settings: Settings) -> Limits:
    return Limits(
        ping_interval=settings.PING_INTERVAL,
        ping_timeout=settings.PING_TIMEOUT,
        connect_timeout=settings.CONNECT_TIMEOUT,
        request_timeout=settings.REQUEST_TIMEOUT,
        max_message_bytes=settings.MAX_MESSAGE_BYTES,
        max_backlog_bytes=settings.MAX_BACKLOG_BYTES,
        max_sessions=max_connections(settings),
        max_unauthenticated=settings.unauthenticated_connections,
        max_open=max_open(),
        max_sessions_per_address=settings.MAX_CONNECTIONS_PER_ADDRESS,
        max_messages_per_second=settings.MAX_EVENTS_PER_SECOND,
    )
