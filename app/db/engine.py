"""The connection of this process to the database."""

from pathlib import Path

from flask import Flask
from sqlalchemy import URL, event, make_url

from app.config import Settings
from app.db import transactions
from app.db.base import db
from ordercast import engine_options, harden


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.DATABASE_URL
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(
        settings.DATABASE_URL,
        pool=settings.DATABASE_POOL,
        overflow=settings.DATABASE_OVERFLOW,
        prepare=settings.DATABASE_PREPARE,
    )
    if _is_in_instance(make_url(settings.DATABASE_URL)):
        Path(app.instance_path).mkdir(mode=0o700, exist_ok=True)
    db.init_app(app)
    with app.app_context():
        harden(db.engine)
    event.listen(db.session, "after_begin", transactions.note_begin)
    event.listen(db.session, "after_soft_rollback", transactions.note_rollback)


def _is_in_instance(url: URL) -> bool:
    """Whether the file's path starts in the application's `instance/`."""
    path = url.database or ":memory:"
    is_file = url.get_backend_name() == "sqlite" and not path.startswith((":", "file:"))
    return is_file and not Path(path).is_absolute()
