"""Joining the transaction of a caller: by the connection that it has to the library's tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session, scoped_session

Transaction = Session | scoped_session[Any] | Connection  # the team's own, handed in
UNNAMED = (":memory:", "file:")  # databases of SQLite that are no plain file


def session_of(transaction: Transaction) -> Session | None:
    """The session; None for a Connection."""
    found = transaction() if isinstance(transaction, scoped_session) else transaction
    return found if isinstance(found, Session) else None


def joined(transaction: Transaction, engine: Engine, table: Table) -> Connection:
    """The connection to the library's database, which is `engine`'s, in the transaction that the
    caller has open, or begins. A session with several databases joins with that one.

    Raises TypeError for another kind of session, RuntimeError for one of other databases, and
    SQLAlchemyError.
    """
    if isinstance(transaction, Connection):
        if not is_same(transaction.engine, engine):
            raise _elsewhere(transaction.engine, engine)
        return transaction
    session = session_of(transaction)
    if session is None:
        raise TypeError(f"expected a Session or Connection of SQLAlchemy, not {transaction!r:.100}")
    bound = _bound(session, table)
    if bound is None or not is_same(bound.engine, engine):
        others = (bind for bind in _binds(session) if is_same(bind.engine, engine))
        found = next(others, None)
        if found is None:
            raise _elsewhere(None if bound is None else bound.engine, engine)
        bound = found
    return session.connection(bind_arguments={"bind": bound})


def _bound(session: Session, table: Table) -> Engine | Connection | None:
    """What the session itself would use for the table; None if it knows nothing."""
    try:
        return session.get_bind(clause=table)
    except UnboundExecutionError:
        return None


def _binds(session: Session) -> Iterator[Engine | Connection]:
    """The databases of a session that has several: by `Session(binds=...)`, which SQLAlchemy shows
    from 2.1 on, or by Flask-SQLAlchemy's SQLALCHEMY_BINDS."""
    given: Any = getattr(session, "binds", None) or getattr(session, "_Session__binds", {})
    yield from given.values()
    yield from getattr(getattr(session, "_db", None), "engines", {}).values()


def is_same(one: Engine, other: Engine) -> bool:
    """Whether both lead to the same database, as whatever user and with whatever options."""
    if one.pool is other.pool:
        return True
    place = place_of(one.url)
    return place is not None and place == place_of(other.url)


def place_of(url: URL) -> tuple[object, ...] | None:
    """Where the database is; None if only its own pool is sure to lead to it, as in memory."""
    backend, name = url.get_backend_name(), url.database or ""
    if backend != "sqlite":
        host, port = (getattr(url, part) or url.query.get(part) for part in ("host", "port"))
        return backend, host, port and str(port), name or url.username
    if not name or name.startswith(UNNAMED):
        return None
    return backend, Path(name).resolve()


def _elsewhere(found: Engine | None, engine: Engine) -> RuntimeError:
    bound = "to no database that is the journal's" if found is None else f"to {found.url!r}"
    return RuntimeError(
        f"the session is bound {bound}, the journal is in {engine.url!r}:"
        " the event and the change would not commit together"
    )
