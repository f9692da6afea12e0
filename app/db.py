"""The database: session, `Base`, and `transaction()`, the only thing that commits.

SQLite and PostgreSQL behave alike here: on SQLite a transaction that writes begins with its lock
(`BEGIN IMMEDIATE`), so that two writers queue as they do on PostgreSQL's row locks instead of
failing half way (https://www.sqlite.org/lang_transaction.html, section 2.2).
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Dialect, Engine, Integer, MetaData, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from app.config import Settings

BUSY_SECONDS = 15  # how long a SQLite writer waits for another one
POOL = {"pool_size": 10, "max_overflow": 20, "pool_timeout": 20, "pool_pre_ping": True}
MAX_ID = 2**63 - 1
ON_COMMIT = (
    "on_commit"  # in a session's info: what to do after the commit; its presence is the mark
)

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only INTEGER keys by itself


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, on SQLite too (which forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The root of every model. Constraints have names, so that migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base, disable_autonaming=True)
migrate = Migrate()


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.DATABASE_URL
    pool = POOL if settings.DATABASE_URL.startswith("postgresql") else {}
    # Errors are logged with their statement, never with what was in it: password hashes, for one.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"hide_parameters": True, **pool}
    if _is_in_instance(make_url(settings.DATABASE_URL)):
        Path(app.instance_path).mkdir(mode=0o700, exist_ok=True)
    db.init_app(app)
    migrate.init_app(app, db, render_as_batch=True)


def _is_in_instance(url: URL) -> bool:
    path = url.database or ":memory:"
    is_file = url.get_backend_name() == "sqlite" and not path.startswith((":", "file:"))
    return is_file and not Path(path).is_absolute()


def now() -> datetime:
    """This moment in UTC, aware, to the millisecond: what the wire shows is what is stored."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def row_id(text: str) -> int | None:
    """The primary key that a client's id names, or None if no row can have it."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    number = int(text)
    return number if 0 < number <= MAX_ID and str(number) == text else None


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commits when the block ends, rolls back when it raises.

    Rows read before the block are read anew inside it. Transactions do not nest: a service
    function opens one, and what it calls works inside it.
    """
    session = db.session()
    if in_transaction():
        raise RuntimeError("transaction() inside a transaction(): pass the session down instead")
    session.rollback()
    actions = session.info[ON_COMMIT] = {}
    try:
        session.connection(execution_options={"begin": "IMMEDIATE"})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info[ON_COMMIT]
    for action in actions:
        action()


def in_transaction() -> bool:
    """Whether this context is inside a transaction()."""
    return ON_COMMIT in db.session().info


def on_commit(action: Callable[[], object]) -> None:
    """Within a transaction: do this once it has committed; the same action once only. What it does
    must not fail: the answer is already true."""
    db.session().info[ON_COMMIT][action] = None


@event.listens_for(Engine, "do_connect")
def _create_private(dialect: Dialect, _record: Any, arguments: Any, _options: Any) -> None:
    """SQLite would make its file readable for everybody. The files beside it get its mode."""
    if dialect.name != "sqlite" or not arguments or arguments[0].startswith((":", "file:")):
        return
    with suppress(OSError):  # it exists, or SQLite says why it cannot be made
        os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    # SQLite takes text that is no UTF-8 from anybody; one such row must not fail a whole read.
    connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    connection.isolation_level = None  # the driver begins nothing by itself: _begin_sqlite does
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a committed event survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        mode = connection.get_execution_options().get("begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")
