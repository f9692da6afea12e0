"""The live part of one process, put together: connections, and the follower of the journal."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_socketio import SocketIO

from ordercast import health
from ordercast.broker import Broker
from ordercast.captures import Captures
from ordercast.database import Database
from ordercast.emits import Durable, Emitter
from ordercast.identity import Identity, MayJoin
from ordercast.joined import JoinedRooms
from ordercast.journal import Journal, Marks
from ordercast.live import options
from ordercast.live.anonymous import Anonymous
from ordercast.live.census import Counter
from ordercast.live.closing import count
from ordercast.live.connecting import ANYBODY, Clients, ConnectPath
from ordercast.live.connections import Connections
from ordercast.live.current import current_identity
from ordercast.live.delivery import Delivery, Sending
from ordercast.live.dismissal import Dismissal
from ordercast.live.durable import DurableManager
from ordercast.live.follower import Follower
from ordercast.live.handlers import keep_errors
from ordercast.live.identified import Identified, Identify
from ordercast.live.joining import Joining
from ordercast.live.lifetime import REFRESH, Lifetime
from ordercast.live.live_server import LiveServer, StockServer
from ordercast.live.marking import keep_marked
from ordercast.live.member import NAMESPACE
from ordercast.live.pid import Pids, signing_key
from ordercast.live.readiness import Readiness
from ordercast.live.recovery import Recovery
from ordercast.live.replay import Replay
from ordercast.live.revocations import Revocations
from ordercast.live.sockets import Sockets
from ordercast.live.stock import SENDING as STOCK_SENDING
from ordercast.live.subscription import Subscription
from ordercast.metrics import CONNECTS_REFUSED, REQUESTS_CUT
from ordercast.revocation import RevocationStore
from ordercast.settings import Settings
from ordercast.transport import Engine, Timers, attach, path_of, send_all, send_piece

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 8.0  # for an answer of the database; then 503, and the follower tries again
READY_SECONDS = 5  # how long a connect waits for the follower of a process that just started


class Live:
    """Initialises the team's `socketio`, which keeps its options and handlers."""

    def __init__(
        self,
        app: Flask,
        socketio: SocketIO,
        *,
        settings: Settings,
        broker: Broker,
        captures: Captures,
        database: Database,
        journal: Journal,
        durable: Durable,
        emitter: Emitter,
        identify: Identify,
        is_identified: Callable[[], bool],
        may_join: Callable[[], MayJoin | None],
        revocations: RevocationStore,
        checks: health.Health,
    ) -> None:
        self._app = app
        self._captures = captures
        self._database = database
        self._is_identified = is_identified
        self.socketio = socketio
        offered = options.server_options(socketio.server_options, settings)
        is_ours = offered["async_mode"] == "gevent"  # or python-engineio's, as under `flask run`
        timers = Timers() if is_ours else None

        self.connections = Connections()
        self.revocations = Revocations(revocations)
        delivery = Delivery(
            Sending(send_all, send_piece) if is_ours else STOCK_SENDING,
            packet_class=offered["serializer"],
            max_backlog_bytes=settings.MAX_BACKLOG_BYTES,
        )
        self.manager = DurableManager(
            broker,
            delivery,
            captures,
            start=self.start,
            durable=durable,
            emitter=emitter,
            is_on=lambda: bool(captures) or not app.testing,
        )
        self.sockets = Sockets(
            self.manager,
            delivery,
            self.connections,
            self.revocations,
            start_task=socketio.start_background_task,
            keeps_transports=is_ours,
        )
        self.follower = Follower(journal, self.sockets)
        pids = Pids(lambda: signing_key(settings.JWT_SECRET_KEY, app))
        joining = Joining(JoinedRooms(database), self.manager, self.follower, pids)
        recovery = Recovery(
            self.manager,
            self.follower,
            journal,
            joining,
            pids,
            may_join=may_join,
            settings=settings,
        )
        self._lifetime = Lifetime(
            self.manager,
            self.connections,
            self.revocations,
            identify=identify,
            grace=settings.TOKEN_GRACE,
            timers=timers,
        )
        self._identified = Identified(
            self.connections,
            self.revocations,
            recovery,
            self.sockets,
            identify=identify,
            ready=self._wait_until_ready,
            watch=self._lifetime.watch,
            max_per_user=settings.MAX_CONNECTIONS_PER_USER,
        )
        self._anonymous = Anonymous(
            self.connections, recovery, self.sockets, has_journal=self._has_journal
        )
        replay = Replay(delivery, socketio.start_background_task)
        connects = ConnectPath(app, self.manager, replay, self._clients)
        self.dismissal = Dismissal(self.connections, self.revocations, self.sockets.close_hit_by)
        revocations.subscribe(self.dismissal.on_revoked)

        self._engine = self._serve(connects, joining, settings, offered, timers)
        path = f"/{path_of(offered)}"
        app.wsgi_app = _either_path(app.wsgi_app, path)  # type: ignore[assignment,method-assign]

        self._marks = Marks(broker)
        self._subscription = self._subscribe(broker, settings)
        self.readiness = Readiness(self.follower, journal)
        for name, ask in (
            ("worker", self.readiness.worker),
            ("journal", self.readiness.delivery),
            ("handover", self._hand_over),
        ):
            checks.add(health.Check(name, ask))
        self._started_in: int | None = None
        self._starting = threading.Lock()

    @property
    def engineio_servers(self) -> Sequence[Engine]:
        """The Engine.IO servers for the gunicorn worker to serve; none under `flask run`."""
        return () if self._engine is None else (self._engine,)

    @property
    def draining(self) -> bool:
        """Whether this process is shutting down, and its clients go to the others."""
        return self._engine is not None and self._engine.draining

    @property
    def identity(self) -> Identity | None:
        """See Ordercast.identity."""
        return current_identity(self.manager)

    def start(self) -> None:
        """Start listening in this process; calling it again is harmless. Call it after any fork:
        background tasks do not survive one."""
        with self._starting:
            if self._started_in == os.getpid() or self._captures.is_quiet:
                return
            self._started_in = os.getpid()
            self.manager.forget_host()
            self.readiness.begin()
            self._database.limit_answers(ANSWER_SECONDS)
            # Subscribe first, read second: an event published in between is received or read.
            start_task = self.socketio.start_background_task
            start_task(self._subscription.run)
            start_task(self.follower.run)
            start_task(keep_marked, self.follower, self._marks)
            start_task(self.dismissal.run)
            logger.info("following the journal")

    def _serve(
        self,
        connects: ConnectPath,
        joining: Joining,
        settings: Settings,
        offered: dict[str, Any],
        timers: Timers | None,
    ) -> Engine | None:
        """Initialise the team's `socketio` on these parts -> the transport; None under
        `flask run`, which has python-engineio's."""
        keep_errors(self.socketio)
        make: Callable[..., LiveServer | StockServer]
        if timers is None:
            make = partial(
                StockServer,
                connect=connects.connect,
                on_left=self.sockets.left,
                joining=joining,
                is_testing=lambda: self._app.testing,
            )
        else:
            make = partial(
                LiveServer,
                connect=connects.connect,
                on_left=self.sockets.left,
                joining=joining,
                on_gone=self.connections.release,
                engine=partial(
                    Engine,
                    options.limits(offered, settings),
                    timers=timers,
                    on_ended=count,
                    on_full=CONNECTS_REFUSED.labels("too_many_connections").inc,
                    on_cut=lambda why: REQUESTS_CUT.labels(why).inc(),
                ),
            )
        server = attach(self.socketio, self._app, make, {**offered, "client_manager": self.manager})
        server.on(REFRESH, self._refresh, namespace=NAMESPACE)
        return server.eio if isinstance(server, LiveServer) else None

    def _wait_until_ready(self) -> None:
        """Raises TimeoutError."""
        if not self._captures.is_quiet and not self.follower.ready.wait(READY_SECONDS):
            raise TimeoutError("the follower does not know its position yet")

    def _clients(self, namespace: str) -> Clients:
        """Decided at each connect: `@cast.identify` may come after this object was made."""
        if namespace != NAMESPACE:
            return ANYBODY
        return self._identified if self._is_identified() else self._anonymous

    def _has_journal(self) -> bool:
        """Whether this process follows the journal; a process that just started tries first."""
        if self._started_in is not None:
            self.follower.tried.wait(READY_SECONDS)
        return self.follower.ready.is_set()

    def _subscribe(self, broker: Broker, settings: Settings) -> Subscription:
        census = Counter(
            broker,
            self.connections,
            rules=self.revocations.rules,
            start=self.socketio.start_background_task,
        )
        receivers: Mapping[str, Callable[[bytes], None]] = {
            broker.queue_channel: self.manager.receive,
            broker.journal_channel: self.follower.receive,
            broker.census_channel: census.receive,
        }
        return Subscription(broker, receivers, on_subscribed=self.follower.read_soon)

    def _refresh(self, sid: str, data: object = None, *_: object) -> dict[str, Any]:
        with self._app.app_context():
            return self._lifetime.refresh(sid, data)

    def _hand_over(self) -> str:
        """`ok` while other processes of this host can hand requests to this one."""
        ours = self._engine.hand_over if self._engine is not None else None
        return health.OK if ours is None or ours.problem is None else health.UNAVAILABLE


def _either_path(inner: WSGIApplication, path: str) -> WSGIApplication:
    """Serve the path without its slash too: a client with `addTrailingSlash: false` asks for it."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == path:
            environ["PATH_INFO"] = f"{path}/"
        return inner(environ, start_response)

    return application
