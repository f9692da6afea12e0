"""The parts of one application, put together: `app.extensions["ordercast"]`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask_socketio import SocketIO
from sqlalchemy import Engine

from ordercast import proxies, request_ids, spans
from ordercast.broker import Broker
from ordercast.captures import Captures
from ordercast.checks import checks
from ordercast.database import Database, Transaction, adopt
from ordercast.database.apart import Apart
from ordercast.doctor.finding import Examination, Finding
from ordercast.emits import Durable, Emitter
from ordercast.events import CONTROL_ROOM, EVERYBODY, Event, Events, subject_of
from ordercast.health import Health
from ordercast.identity import Identity, MayJoin
from ordercast.inbox.refusals import Refusals
from ordercast.journal import Journal, Missed, NewEvent
from ordercast.live import Live, census, options
from ordercast.live.census import Census
from ordercast.monitoring.monitor import Monitor
from ordercast.monitoring.probes import Probes
from ordercast.monitoring.vitals import Vitals
from ordercast.outage_filter import filter_own_loggers
from ordercast.pins import warn_of_others
from ordercast.request_ids import current_request_id
from ordercast.revocation import Mark, RevocationStore, Rule, Rules
from ordercast.settings import ConfigError, Settings
from ordercast.tokens import Tokens
from ordercast.trace import Asking
from ordercast.transport import take_back
from ordercast.worker.steps import Step

if TYPE_CHECKING:
    from ordercast.transport.engine import Engine as TransportEngine

EXTENSION = "ordercast"  # in `app.extensions`
DIALECTS = ("postgresql", "sqlite")


class Service:
    """`engine` returns the team's engine, in an application context; `events` and `steps` are the
    team's. `identify` returns the identity of a client that connects, or raises Refuse. Unless
    `is_identified()`, or a key for tokens is set, the team's connect handler alone decides."""

    def __init__(
        self,
        app: Flask,
        socketio: SocketIO,
        settings: Settings,
        *,
        engine: Callable[[], Engine],
        events: Iterable[type[Event]] = (),
        steps: Iterable[Step] = (),
        identify: Callable[[Any, dict[str, Any]], Identity],
        revocation_rules: Mapping[str, Rule] | None = None,
        is_identified: Callable[[], bool],
        may_join: Callable[[], MayJoin | None],
        tracer_provider: Any = None,
    ) -> None:
        def asked() -> Engine:
            with app.app_context():
                return adopt(_supported(engine()))

        if EXTENSION in app.extensions:
            raise RuntimeError("cast.init_app(app, ...) was called before for this application")
        filter_own_loggers()
        request_ids.init_app(app)
        warn_of_others()
        take_back(socketio)
        self.settings = settings = options.with_queue(settings, socketio.server_options)
        self.broker = Broker.of(settings)
        # In gunicorn's processes TESTING changes nothing: the tests are elsewhere.
        self.captures = Captures(lambda: app.testing and not options.is_patched())
        self.database = Database(asked)
        self.events = Events(events)
        self.tokens = Tokens(settings)
        self.identify = identify
        traced = spans.configured(tracer_provider)
        if traced is not None:
            traced.init_app(app)
        self.journal = Journal(
            self.database,
            self.broker,
            self.captures,
            partial(traced.origin, current_request_id) if traced else _request_id,
            traced,
        )
        self.durable = Durable(settings.DURABLE, self.events)
        self._emitter = Emitter(Apart(asked), self.broker, self.journal, self.captures)
        self.revocations = RevocationStore(
            self.database,
            Rules(leeway=settings.JWT_LEEWAY, own=revocation_rules),
            append=self.journal.append,
        )
        self.health = Health(app)
        self.live = Live(
            app,
            socketio,
            settings=settings,
            broker=self.broker,
            captures=self.captures,
            database=self.database,
            revocations=self.revocations,
            journal=self.journal,
            durable=self.durable,
            emitter=self._emitter,
            checks=self.health,
            identify=identify,
            may_join=may_join,
            is_identified=lambda: is_identified() or bool(self.tokens.algorithms),
        )
        self._app = app
        self.asking = Asking(self.broker, self.journal, settings)
        self.refusals = Refusals(self.broker)
        self.examinations: list[Examination] = []  # of the team, beside the library's
        self._steps = steps  # read when the worker starts: all are registered then
        self.monitor = Monitor(
            self.health,
            self.broker,
            Probes(app, self.journal, self.broker),
            Vitals(self.database, self.journal.clock, self.live.backlogs),
            lambda: self.live.draining,
        )
        for check in checks(self.database, self.journal, self.broker, self.tokens.key_set):
            self.health.add(check)

    @property
    def engineio_servers(self) -> Sequence["TransportEngine"]:
        """The Engine.IO servers, for the gunicorn worker to serve."""
        return self.live.engineio_servers

    def append(
        self,
        session: Transaction,
        event: str | Event,
        payload: object,
        *,
        to: object,
        key: str | None = None,
    ) -> None:
        """See Ordercast.append."""
        declared, name, payload, about = self._checked(event, payload)
        first, *further = self.events.rooms(declared, to)
        key = about if key is None else key
        self.journal.append(session, first, name, payload, further=further, key=key)

    def append_all(self, session: Transaction, events: Iterable[tuple[Event, object]]) -> None:
        """See Ordercast.append_all."""
        self.journal.append_all(session, [self._new(event, to) for event, to in events])

    def emit(self, event: str | Event, payload: object, *, to: object, id: str | None) -> None:
        """See Ordercast.emit."""
        declared, name, payload, about = self._checked(event, payload)
        first, *further = self.events.rooms(declared, to)
        self._emitter.emit(first, name, payload, further=further, id=id, key=about)

    def missed(self, rooms: Sequence[str], after: int) -> Missed:
        """See Ordercast.missed."""
        # Control events name users and tokens that were revoked, and are for no client.
        return self.journal.missed(
            (*(room for room in rooms if room != CONTROL_ROOM), EVERYBODY),
            after,
            max_events=self.settings.RECOVERY_MAX_EVENTS,
            max_bytes=self.settings.RECOVERY_MAX_BYTES,
        )

    def _new(self, event: Event, to: object) -> NewEvent:
        declared = self.events.declared(event.event) or type(event)
        first, *further = self.events.rooms(declared, to)
        return NewEvent(first, event.event, event.text(), tuple(further), subject_of(event))

    def _checked(
        self, event: str | Event, payload: object
    ) -> tuple[type[Event] | None, str, object, str | None]:
        """-> (the declared event, its name, the payload as it is sent, its key). Raises Refused,
        InvalidEvent."""
        name = event.event if isinstance(event, Event) else event
        declared = self.events.declared(name)
        made = event if isinstance(event, Event) else None
        if made is not None:
            declared = declared or type(made)
        elif declared is not None:
            made = declared.of(payload)
        if made is None:
            return declared, name, payload, None
        return declared, name, made.wire(), subject_of(made)

    def stand_in_front(self) -> None:
        """Let all that the application has by now see the client behind proxies."""
        proxies.stand_in_front(self._app, self.settings.TRUSTED_PROXIES)

    def start(self) -> None:
        """Follow the journal in this process, and answer on METRICS_PORT -> once the journal was
        read, or could not be, or takes long. Calling it again is harmless. Call it after any fork,
        and before the first connection."""
        self.stand_in_front()
        self.tokens.start()
        self.revocations.start()
        self.live.start()
        self.monitor.start_web()
        self.live.wait_until_tried()

    def stop(self) -> None:
        """At the end of a web process whose clients have gone to the others: write down how it
        ended."""
        self.live.stop()

    def census(self, kind: str, value: str, detail: str | None) -> Census:
        """How many connections a revocation would end now. Never fails."""
        if self.captures.is_quiet:
            return Census(0, 0, 0)
        return census.ask(self.broker, Mark(kind, value, datetime.now(UTC), detail))

    def work(self) -> None:
        """Run the background worker, until SIGTERM or SIGINT; in the main thread."""
        from ordercast.worker import loops  # a web process needs none of it

        filter_own_loggers()
        self.monitor.start_worker(self.settings.WORKER_PORT)
        loops.run(
            self._app,
            settings=self.settings,
            broker=self.broker,
            database=self.database,
            journal=self.journal,
            events=self.events,
            durable=self.durable,
            steps=self._steps,
            health=self.health,
        )
        self.monitor.stop_worker()

    def examine(self) -> Iterator[Finding]:
        """Examine all that the service needs -> findings, with advice. For a command, not for a web
        process."""
        from ordercast.doctor.examining import Doctor  # loads Alembic

        filter_own_loggers()
        doctor = Doctor(
            self._app,
            settings=self.settings,
            broker=self.broker,
            database=self.database,
            journal=self.journal,
            steps=sum(1 for _ in self._steps),
            more=self.examinations,
        )
        return doctor.examine()


def _request_id(_event: str) -> str | None:
    return current_request_id()


def _supported(engine: Engine) -> Engine:
    """Raises ConfigError for a database that the journal cannot be in."""
    dialect = engine.dialect
    if dialect.name not in DIALECTS:
        raise ConfigError(f"the database is {dialect.name}: Ordercast needs PostgreSQL or SQLite")
    if dialect.is_async:
        raise ConfigError(f"the engine is asynchronous ({dialect.driver}): give a synchronous one")
    if dialect.name == "postgresql" and dialect.driver != "psycopg":
        raise ConfigError(
            f"the database's driver is {dialect.driver}, whose waits stop all clients of a process:"
            " give an engine of psycopg 3, postgresql+psycopg://"
        )
    return engine
