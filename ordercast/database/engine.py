"""Options and listeners of an engine, so that an outage costs time and nothing else.

A team's engine works without them. With them a database session whose server is dead, stopped or
demoted is given up, and writers on SQLite queue instead of failing half way.

    create_engine(url, **engine_options(url))          # or SQLALCHEMY_ENGINE_OPTIONS
    harden(engine)                                     # before its first connection
"""

from typing import Any

from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.engine import ExceptionContext

from ordercast.database import sqlite
from ordercast.database.outage import ALL_STALE, STALE, outage_of_driver

POOL = 10  # connections that stay open; as many again twice for peaks
POOL_SECONDS = 20  # how long a request waits for a connection of the pool


def engine_options(url: str | URL, *, pool: int = POOL, prepare: bool = True) -> dict[str, Any]:
    """The keyword arguments of create_engine() for a database on PostgreSQL (psycopg 3) or SQLite.

    `pool` connections stay open, up to three times as many for peaks. `prepare` off: for a pooler
    that shares its sessions, and with them prepared statements. Raises
    sqlalchemy.exc.ArgumentError.
    """
    read = make_url(url)
    options: dict[str, Any] = {
        # Errors are logged with their statement, never with its parameters, as password hashes.
        "hide_parameters": True,
        "pool_size": pool,
        "max_overflow": 2 * pool,
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


def give_up_stale(context: ExceptionContext) -> None:
    """Treat a stale database session like a connection that broke: the next transaction gets a
    fresh session, which may reach another server."""
    kind = outage_of_driver(context.original_exception)
    if context.connection is not None and kind in STALE:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = kind in ALL_STALE
