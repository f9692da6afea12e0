"""Options and listeners of an engine, so that an outage costs time and nothing else.

A team's engine works without them: `adopt` is all that it needs. With them a database session whose
server is dead, stopped or demoted is given up, and on SQLite readers go on during a write, and
writers queue instead of failing half way.

    create_engine(url, **engine_options(url))          # or SQLALCHEMY_ENGINE_OPTIONS
    harden(engine)                                     # before its first connection
"""

from typing import Any

from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from ordercast.database import sqlite
from ordercast.database.outage import ALL_STALE, STALE, outage_of_driver

POOL = 10  # connections that stay open
POOL_SECONDS = 20  # how long a request waits for a connection of the pool
IN_MEMORY = (SingletonThreadPool, StaticPool)  # another connection would be another database


def engine_options(
    url: str | URL, *, pool: int = POOL, overflow: int | None = None, prepare: bool = True
) -> dict[str, Any]:
    """The keyword arguments of create_engine() for a database on PostgreSQL (psycopg 3) or SQLite.

    `pool` connections stay open, and `overflow` more are opened for peaks, twice `pool` unless
    given. `prepare` off: for a pooler that shares its sessions, and with them prepared statements.
    Raises sqlalchemy.exc.ArgumentError.
    """
    read = make_url(url)
    options: dict[str, Any] = {
        # Errors are logged with their statement, never with its parameters, as password hashes.
        "hide_parameters": True,
        "pool_size": pool,
        "max_overflow": 2 * pool if overflow is None else overflow,
        "pool_timeout": POOL_SECONDS,
    }
    if read.get_backend_name() == "sqlite":
        # PatientConnection waits for a busy file.
        return {**options, "connect_args": {"factory": sqlite.PatientConnection}}
    from ordercast.database import postgres  # psycopg is an extra

    return {
        **options,
        "pool_pre_ping": True,
        "isolation_level": postgres.ISOLATION,
        "connect_args": postgres.connect_args(read, prepare=prepare),
    }


def harden(engine: Engine) -> None:
    """Listen on an engine that was made with `engine_options`, once, before it connects."""
    event.listen(engine, "handle_error", give_up_stale)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", sqlite.create_private)
        event.listen(engine, "connect", sqlite.on_connect)
        event.listen(engine, "begin", sqlite.begin)
    else:
        from ordercast.database import postgres

        postgres.ping_rarely(engine)
        event.listen(engine, "do_connect", postgres.connect)
        event.listen(engine, "connect", postgres.on_connect)
        event.listen(engine, "checkout", postgres.on_checkout)


def adopt(engine: Engine) -> Engine:
    """Let a team's engine on SQLite, hardened or not, wait for another writer in sleeps during
    which other greenlets run: the driver's own wait stops every client of a gevent process, and the
    greenlet that has the lock. Connections that are open are made anew. Journal mode, isolation and
    `timeout` stay the team's. Calling it again is harmless."""
    is_file = engine.dialect.name == "sqlite" and not isinstance(engine.pool, IN_MEMORY)
    if not is_file or engine.dialect.driver != "pysqlite":
        return engine
    if event.contains(engine, "begin", sqlite.begin):
        return engine  # hardened
    if not event.contains(engine, "do_connect", sqlite.be_patient):
        event.listen(engine, "do_connect", sqlite.be_patient)
        event.listen(engine, "begin", sqlite.reset_patience)
        engine.dispose()
    return engine


def give_up_stale(context: ExceptionContext) -> None:
    """Treat a stale database session like a connection that broke: the next transaction gets a
    fresh session, which may reach another server."""
    kind = outage_of_driver(context.original_exception)
    if context.connection is not None and kind in STALE:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = kind in ALL_STALE
