"""How this process connects: pool, isolation, and what a session is worth after an error."""

from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event, make_url
from sqlalchemy.engine import ExceptionContext

from app.config import Settings
from app.db import transactions
from app.db.base import db, migrate
from ordercast.database import postgres, sqlite
from ordercast.database.outage import ALL_STALE, STALE, outage_of_driver

POOL_SECONDS = 20  # how long a request waits for a connection of the pool


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.DATABASE_URL
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _options(settings)
    app.extensions["sqlite_turn"] = sqlite.Turn()
    if sqlite.is_in_instance(make_url(settings.DATABASE_URL)):
        Path(app.instance_path).mkdir(mode=0o700, exist_ok=True)
    db.init_app(app)
    migrate.init_app(app, db, render_as_batch=True)
    with app.app_context():
        _listen(db.engine)
    event.listen(db.session, "after_begin", transactions.note_begin)


def limit_answers(seconds: float) -> None:
    """From now on this process waits no longer than this for the answer to a statement. Needs an
    application context. SQLite answers by itself, or is busy."""
    if db.engine.dialect.name == "sqlite":
        return

    def limit(connection: postgres.PatientConnection, _record: object) -> None:
        connection.answer_seconds = seconds

    event.listen(db.engine, "connect", limit)


def _options(settings: Settings) -> dict[str, Any]:
    url = make_url(settings.DATABASE_URL)
    options: dict[str, Any] = {
        # Errors are logged with their statement, never with what was in it: password hashes.
        "hide_parameters": True,
        "pool_size": settings.DATABASE_POOL,
        "max_overflow": 2 * settings.DATABASE_POOL,
        "pool_timeout": POOL_SECONDS,
    }
    if url.get_backend_name() == "sqlite":
        # A busy file is waited for in PatientConnection.
        return {**options, "connect_args": {"factory": sqlite.PatientConnection}}
    return {
        **options,
        "pool_pre_ping": True,
        "isolation_level": postgres.ISOLATION,
        "connect_args": postgres.connect_args(url, prepare=settings.DATABASE_PREPARE),
    }


def _listen(engine: Engine) -> None:
    event.listen(engine, "handle_error", _give_up_stale)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", sqlite.create_private)
        event.listen(engine, "connect", sqlite.on_connect)
        event.listen(engine, "begin", sqlite.begin)
    else:
        event.listen(engine, "do_connect", postgres.connect)
        event.listen(engine, "connect", postgres.on_connect)
        event.listen(engine, "checkout", postgres.on_checkout)


def _give_up_stale(context: ExceptionContext) -> None:
    """A session that can be read but not written goes the way of one that was cut: the next
    transaction gets a fresh one, which may lead to another server."""
    kind = outage_of_driver(context.original_exception)
    if context.connection is not None and kind in STALE:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = kind in ALL_STALE
