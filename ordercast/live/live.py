"""The live part of one process, put together: connections, and the follower of the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from ordercast.journal import Journal, Marks
from ordercast.live import options
from ordercast.live.acknowledging import ACKNOWLEDGE, Acknowledging
from ordercast.live.background import Background
from ordercast.live.bookkeeper import Bookkeeper
from ordercast.live.closing import count
from ordercast.live.connections import Connections
from ordercast.live.current import current_identity
from ordercast.live.dismissal import Dismissal
from ordercast.live.distribution import Distribution
from ordercast.live.durable import DurableManager
from ordercast.live.entrance import Entrance
from ordercast.live.follower import Follower
from ordercast.live.handlers import keep_errors
from ordercast.live.hosts import Hosts, hosts_key
from ordercast.live.identified import Identify
from ordercast.live.lifetime import REFRESH
from ordercast.live.live_server import LiveServer, StockServer
from ordercast.live.member import NAMESPACE
from ordercast.live.readiness import Readiness
from ordercast.live.sockets import Sockets
from ordercast.metrics import CONNECTS_REFUSED, REQUESTS_CUT
from ordercast.revocation import RevocationStore
from ordercast.settings import Settings
from ordercast.transport import Engine, Peers, Timers, attach, path_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


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
        self._settings = settings
        self.socketio = socketio
        offered = options.server_options(socketio.server_options, settings)
        is_ours = offered["async_mode"] == "gevent"  # or python-engineio's, as under `flask run`
        timers = Timers() if is_ours else None
        self._distribution = Distribution(
            app,
            offered,
            settings=settings,
            broker=broker,
            captures=captures,
            journal=journal,
            durable=durable,
            emitter=emitter,
            revocations=revocations,
            start_task=socketio.start_background_task,
            start=self.start,
            is_ours=is_ours,
        )
        self.readiness = Readiness(self.follower, journal)
        self._background = Background(
            self._distribution, self.readiness, Marks(broker), database=database, captures=captures
        )
        self._entrance = Entrance(
            app,
            self._distribution,
            self._background,
            settings=settings,
            database=database,
            journal=journal,
            timers=timers,
            identify=identify,
            is_identified=is_identified,
            may_join=may_join,
        )
        self._acknowledging = Acknowledging(self.manager, self.follower, journal.clock)
        self._engine = self._serve(offered, timers, broker)
        self._add_checks(checks)

    @property
    def manager(self) -> DurableManager:
        return self._distribution.manager

    @property
    def connections(self) -> Connections:
        return self._distribution.connections

    @property
    def sockets(self) -> Sockets:
        return self._distribution.sockets

    @property
    def follower(self) -> Follower:
        return self._distribution.follower

    @property
    def bookkeeper(self) -> Bookkeeper:
        return self._distribution.bookkeeper

    @property
    def dismissal(self) -> Dismissal:
        return self._distribution.dismissal

    @property
    def engineio_servers(self) -> Sequence[Engine]:
        """The Engine.IO servers for the gunicorn worker to serve; none under `flask run`."""
        return () if self._engine is None else (self._engine,)

    def backlogs(self) -> Iterator[int]:
        """How many bytes wait for each client of this process, which is slow to read."""
        for engine in self.engineio_servers:
            yield from engine.backlogs()

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
        background tasks do not survive one. Raises ConfigError."""
        if self._settings.PRIVATE_ADDRESS is not None:
            hosts_key(self._app, self._settings)
        self._background.start()

    def stop(self) -> None:
        """At the end of a process whose clients have gone to the others."""
        self._background.stop()

    def wait_until_tried(self) -> None:
        """Once started: return when the journal was read, or could not be, or takes long."""
        self._background.wait_until_tried()

    def _serve(
        self, offered: dict[str, Any], timers: Timers | None, broker: Broker
    ) -> Engine | None:
        """Initialise the team's `socketio` on these parts -> the transport; None under
        `flask run`, which has python-engineio's."""
        keep_errors(self.socketio)
        make: Callable[..., LiveServer | StockServer]
        if timers is None:
            make = partial(
                StockServer,
                connect=self._entrance.path.connect,
                on_left=self.sockets.left,
                joining=self._entrance.joining,
                is_testing=lambda: self._app.testing,
            )
        else:
            make = partial(
                LiveServer,
                connect=self._entrance.path.connect,
                on_left=self.sockets.left,
                joining=self._entrance.joining,
                on_gone=self.connections.release,
                engine=partial(
                    Engine,
                    options.limits(offered, self._settings),
                    timers=timers,
                    peers=_peers(self._app, self._settings, broker, timers),
                    on_ended=count,
                    on_full=CONNECTS_REFUSED.labels("too_many_connections").inc,
                    on_cut=lambda why: REQUESTS_CUT.labels(why).inc(),
                ),
            )
        server = attach(self.socketio, self._app, make, {**offered, "client_manager": self.manager})
        server.on(REFRESH, self._refresh, namespace=NAMESPACE)
        server.on(ACKNOWLEDGE, self._acknowledging.receive, namespace=NAMESPACE)
        path = f"/{path_of(offered)}"
        self._app.wsgi_app = _either_path(self._app.wsgi_app, path)  # type: ignore[assignment,method-assign]
        return server.eio if isinstance(server, LiveServer) else None

    def _add_checks(self, checks: health.Health) -> None:
        for name, ask in (
            ("worker", self.readiness.worker),
            ("journal", self.readiness.delivery),
            ("handover", self._hand_over),
        ):
            checks.add(health.Check(name, ask))

    def _refresh(self, sid: str, data: object = None, *_: object) -> dict[str, Any]:
        with self._app.app_context():
            return self._entrance.lifetime.refresh(sid, data)

    def _hand_over(self) -> str:
        """`ok` while other processes of this host can hand requests to this one."""
        ours = self._engine.hand_over if self._engine is not None else None
        return health.OK if ours is None or ours.problem is None else health.UNAVAILABLE


def _peers(app: Flask, settings: Settings, broker: Broker, timers: Timers) -> Peers | None:
    """The processes of other hosts, if this one says where it is."""
    private = settings.PRIVATE_ADDRESS
    if private is None:
        return None
    return Peers(private, Hosts(broker), partial(hosts_key, app, settings), timers)


def _either_path(inner: WSGIApplication, path: str) -> WSGIApplication:
    """Serve the path without its slash too: a client with `addTrailingSlash: false` asks for it."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == path:
            environ["PATH_INFO"] = f"{path}/"
        return inner(environ, start_response)

    return application
