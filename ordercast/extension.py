"""The public face of the library: what a team's own code calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from ordercast.operating import Operating
from ordercast.worker.steps import Function, Steps

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from flask import Flask
    from flask_socketio import SocketIO
    from opentelemetry.trace import TracerProvider
    from sqlalchemy import Engine

    from ordercast.claims import TokenKind
    from ordercast.database import Transaction
    from ordercast.events import Event
    from ordercast.identity import Identify, Identity, MayJoin, TokenIdentity
    from ordercast.journal import Head, Missed
    from ordercast.revocation import RevocationStore, Rule
    from ordercast.service import Service
    from ordercast.tokens import Tokens

Identifying = TypeVar("Identifying", bound="Identify")
Joining = TypeVar("Joining", bound="MayJoin")

# Flask is imported where it is used: importing `Ordercast` does not load it.


class Ordercast(Operating):
    """cast = Ordercast()
    cast.init_app(app, socketio, engine=lambda: db.engine)

    One object serves any number of applications: inside an application context the current one,
    outside of any the one that was initialised last.
    """

    def __init__(self) -> None:
        self._latest: Service | None = None
        self._steps = Steps()
        self._identify: Identify | None = None
        self._may_join: MayJoin | None = None

    def init_app(
        self,
        app: Flask,
        socketio: SocketIO,
        *,
        engine: Callable[[], Engine],
        events: Iterable[type[Event]] = (),
        revocation_rules: Mapping[str, Rule] | None = None,
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        """Set the application up by its `app.config`, in the place of `socketio.init_app(app)`; the
        team's `socketio` keeps its options and handlers. `engine` returns the engine of the team's
        database, in an application context. `events` are the declared events; without any, every
        name is allowed. `tracer_provider`: in the place of OpenTelemetry's global one, if that is
        set by now. Raises ConfigError; ValueError for events that cannot be declared."""
        from ordercast import cli
        from ordercast.service import EXTENSION, Service
        from ordercast.settings import Settings

        service = Service(
            app,
            socketio,
            Settings.of(app.config),
            engine=engine,
            events=events,
            identify=self._identity,
            revocation_rules=revocation_rules,
            is_identified=self._is_identified,
            may_join=lambda: self._may_join,
            steps=self._steps,
            tracer_provider=tracer_provider,
        )
        app.extensions[EXTENSION] = self._latest = service
        cli.init_app(app)
        service.stand_in_front()

    def identify(self, function: Identifying) -> Identifying:
        """Let this function identify clients, in the place of the JWT of `auth.token`:

            @cast.identify
            def identify(auth, environ): return Identity(user_id, rooms=[...])

        Called in an application context, at each connect, and for each `auth:refresh` with its
        {token} as `auth`. It raises Refuse; None is refused as a client without authentication."""
        self._identify = function
        return function

    def may_join(self, function: Joining) -> Joining:
        """Let this function decide whether a client that comes back may still be in a room that it
        joined after its connect:

            @cast.may_join
            def may_join(room, auth, environ): return room in rooms_of(auth["token"])

        Called in an application context, for each such room that the connect does not enter by
        itself. False, or an error, which is logged: the client is not recovered, and not in the
        room. Without a function a client with an identity is let in again, and one without is not
        recovered."""
        self._may_join = function
        return function

    @property
    def identity(self) -> Identity | None:
        """The identity of the connection whose connect, event or disconnect handler runs; None
        without identities. Raises RuntimeError outside of Socket.IO handlers."""
        return self._service.live.identity

    @property
    def tokens(self) -> Tokens:
        """Verifies tokens by the settings, without asking whether they were revoked."""
        return self._service.tokens

    def verify(self, token: object, kind: TokenKind = "access") -> TokenIdentity:
        """The identity that a token proves. Whether it was revoked is known in memory under
        gunicorn, elsewhere it is one read of the database. Raises TokenInvalid, TokenExpired,
        TokenRevoked; SQLAlchemyError."""
        identity = self.tokens.read(token, kind)
        self.revocations.check(identity)
        return identity

    @property
    def revocations(self) -> RevocationStore:
        """The revocations in the database, of the kinds below and of the service's own."""
        return self._service.revocations

    def revoke(
        self,
        *,
        user: str | int | UUID | None = None,
        session: str | None = None,
        token: str | None = None,
        until: datetime | None = None,
        within: Transaction | None = None,
    ) -> None:
        """Refuse, in every process within a second, every token that a `user` was issued until
        now, or those of a login (`session`, as the token has it), or one `token` (its `jti`); and
        close their connections. `until`: when all of them have expired, and the revocation may be
        deleted.

        Written in the transaction that `within`, a Session or Connection, has open, or in one of
        its own.
        Raises TypeError unless one of the three is given, and for an id of another type, which
        would hit nobody; SQLAlchemyError."""
        from ordercast.identity import id_text

        kinds = {"user": user, "session": session, "token": token}
        given = [(kind, value) for kind, value in kinds.items() if value is not None]
        if len(given) != 1:
            raise TypeError("give one of user=, session=, token=")
        [(kind, value)] = given
        self.revocations.add(within, kind, id_text(kind, value), until=until)

    def disconnect(self, *, user: str | int | UUID, within: Transaction | None = None) -> None:
        """Close the connections that a user has when each process learns of it; the tokens stay
        good. A stock client does not reconnect by itself after that, but its page may: to keep the
        user out, revoke. Raises TypeError as revoke() does; SQLAlchemyError."""
        from ordercast.identity import id_text

        self.revocations.disconnect(within, id_text("user", user))

    def step(self, *, seconds: float) -> Callable[[Function], Function]:
        """Let the worker repeat a function every `seconds`, in an application context, and at once
        while it returns True: there may be more to do. A failure is logged and tried again.

        @cast.step(seconds=60)
        def remind_of_parcels() -> bool: ...

        Raises ValueError for seconds that are not more than 0.
        """

        def register(function: Function) -> Function:
            self._steps.add(function, seconds=seconds)
            return function

        return register

    def work(self) -> None:
        """Run the background worker: returns when SIGTERM or SIGINT came and every step is
        finished. Call it in the main thread, which gets the signals."""
        self._service.work()

    def append(
        self,
        session: Transaction,
        event: str | Event,
        payload: object = None,
        *,
        to: object,
        key: str | None = None,
    ) -> None:
        """Add a durable event to the transaction that `session` has open, or begins: a Session,
        scoped_session or Connection of SQLAlchemy 2 on the journal's database. The event is
        announced once that transaction has committed.

        `event` is a name, with its payload, an object that orjson takes; or a declared event. `to`:
        a room, or for an event with an audience an id; or a list of these, and a client in several
        of the rooms gets the event once. `key` says what the event is about: `order:123`.

        Raises Refused for a name that is not declared or a receiver that cannot be one,
        InvalidEvent for a payload that does not fit, ValueError for a payload that is no JSON,
        TypeError for another kind of session, RuntimeError for a session of another database, and
        SQLAlchemyError."""
        self._service.append(session, event, payload, to=to, key=key)

    def append_all(self, session: Transaction, events: Iterable[tuple[Event, object]]) -> None:
        """Append several declared events, each with its `to`, in this order: by one statement on
        PostgreSQL. Raises what `append` raises."""
        self._service.append_all(session, events)

    def emit(
        self, event: str | Event, payload: object = None, *, to: object, id: str | None = None
    ) -> None:
        """Send a durable event of its own, outside of any transaction: in a handler, a request, a
        background thread, a step of the worker, or a script with the application. Arguments as of
        `append`; of all that is sent with the same `id`, also through the inbox, one is accepted.

        Committed when this returns, over a connection of its own: a transaction that the caller has
        open neither takes the event back nor sees it. While the database takes none, the event goes
        through the inbox, and the later ones behind it, in order.

        Raises Refused, InvalidEvent and ValueError as `append` does, Refused for an `id` that
        cannot be one, InboxUnavailable when neither the database nor Redis has taken the event, and
        SQLAlchemyError."""
        self._service.emit(event, payload, to=to, id=id)

    def head(self) -> Head:
        """The journal's (last position, lowest position kept, name). Read before a snapshot, the
        position is the snapshot's offset: only events after it may be new. Raises
        SQLAlchemyError."""
        return self._service.journal.head()

    def missed(self, rooms: str | Sequence[str], *, after: str | int) -> Missed:
        """The events of these rooms, or this room, and of everybody, after this offset, for clients
        without recovery: `complete`, the `offset` to go on from, and the `events`, [{offset, name,
        data}, ...], or `pieces()` of them where they are many. Never a part presented as the whole:
        over RECOVERY_MAX_EVENTS or RECOVERY_MAX_BYTES, or from before the lowest position kept,
        `complete` is false and there are no events. Raises ValueError for an offset that is none,
        and SQLAlchemyError."""
        return self._service.missed([rooms] if isinstance(rooms, str) else rooms, int(after))

    def turn(self) -> AbstractContextManager[None]:
        """A writer's turn in this process's queue on SQLite, to be entered before the transaction
        begins; nothing to wait for on PostgreSQL. Raises sqlalchemy.exc.OperationalError."""
        return self._service.database.turn()

    def _is_identified(self) -> bool:
        return self._identify is not None

    def _identity(self, auth: Any, environ: dict[str, Any]) -> Identity:
        from ordercast.errors import AuthenticationRequired

        identify = self._identify or self._service.tokens.identify
        identity = identify(auth, environ)
        if identity is None:
            raise AuthenticationRequired
        return identity

    @property
    def draining(self) -> bool:
        """Whether this process is shutting down, and its clients go to the others."""
        return self._service.live.draining

    @property
    def _service(self) -> Service:
        from flask import current_app

        from ordercast.service import EXTENSION

        here: Service | None = current_app.extensions.get(EXTENSION) if current_app else None
        service = here or self._latest
        if service is None:
            raise RuntimeError("cast.init_app(app, ...) comes first")
        return service
