"""Connections for reading, and transactions for writing, of the library's own statements."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, Table, event

from ordercast.database.joining import Transaction, joined
from ordercast.database.probe import probe
from ordercast.database.sqlite import Turn, lock

READS = "ordercast_reads"  # execution option: the library reads, and locks nothing
AUTOCOMMIT = "AUTOCOMMIT"  # SQLAlchemy's isolation level: the driver begins no transaction
# How the library's own transactions begin: on SQLite with the lock of a writer, on PostgreSQL at
# this level, whatever the default of the server or the engine. Above it, a transaction that waited
# for a lock fails instead of going on, and the sequencer's reads let the team's transactions fail.
BEGIN: dict[str, dict[str, Any]] = {
    "sqlite": {"begin": "IMMEDIATE"},
    "postgresql": {"isolation_level": "READ COMMITTED"},
}


class Database:
    """`engine` returns the team's engine; called once, at the first use: after any fork."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._ask = engine
        self._engine: Engine | None = None
        self._turn = Turn()

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            self._engine = self._ask()
        return self._engine

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`."""
        return self.engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reads, given back at the end of the block. On SQLite all of them see one
        moment, on PostgreSQL each sees its own: there is no transaction, whose end would be a
        ROLLBACK, after which psycopg prepares all statements anew. Raises SQLAlchemyError."""
        with self.engine.connect() as connection:
            options: dict[str, Any] = {READS: True}
            if self.dialect == "postgresql":
                options["isolation_level"] = AUTOCOMMIT
            yield connection.execution_options(**options)

    @contextmanager
    def at_once(self) -> Iterator[Connection]:
        """A connection to PostgreSQL of which each statement is a transaction of its own: one round
        trip. Raises SQLAlchemyError."""
        with self.engine.connect() as connection:
            yield connection.execution_options(isolation_level=AUTOCOMMIT)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction, which commits at the end of the block and is rolled back
        when the block raises. Raises SQLAlchemyError."""
        with self._begin(self.engine) as connection:
            yield connection

    @contextmanager
    def _begin(self, engine: Engine) -> Iterator[Connection]:
        with self.turn(), engine.connect() as connection:
            connection.execution_options(**BEGIN[self.dialect])
            with connection.begin():
                if self.dialect == "sqlite":
                    lock(connection)
                yield connection

    def joined(self, transaction: Transaction, table: Table) -> Connection:
        """The connection to this database in the transaction that a caller has open, or begins, as
        the caller has it for `table`.

        Raises TypeError for another kind of session, RuntimeError for one of other databases, and
        SQLAlchemyError."""
        return joined(transaction, self.engine, table)

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection of the caller's own for a long time: outside of the pool, in autocommit, and
        closed at the end of the block. Raises SQLAlchemyError."""
        with self.engine.connect() as connection:
            connection.execution_options(**{READS: True}, isolation_level=AUTOCOMMIT)
            connection.detach()
            yield connection

    def turn(self) -> AbstractContextManager[None]:
        """A writer's place in this process's queue on SQLite; nothing to wait for elsewhere."""
        return self._turn() if self.dialect == "sqlite" else nullcontext()

    def probe(self) -> None:
        """Write something that changes nothing. Raises SQLAlchemyError, which `explain`
        understands."""
        with self.reading() as connection:
            probe(connection)

    def require_writable(self, connection: Connection) -> None:
        """Raises SQLAlchemyError if the server of this session on PostgreSQL has said that it takes
        no changes any more. No round trip: what it said last has been read."""
        from ordercast.database import postgres  # psycopg is an extra

        postgres.require_writable(connection)

    def limit_answers(self, seconds: float) -> None:
        """Let new database sessions of a hardened engine wait no longer than this for the answer to
        a statement. With psycopg 3 only; SQLite has no server that could hang."""
        if self.engine.driver != "psycopg":
            return
        from ordercast.database.postgres import PatientConnection  # psycopg is an extra

        def limit(connection: object, _record: object) -> None:
            if isinstance(connection, PatientConnection):
                connection.answer_seconds = seconds

        event.listen(self.engine, "connect", limit)
