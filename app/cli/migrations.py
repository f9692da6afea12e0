"""Flask-Migrate's commands, `flask db ...`. Only these load Alembic and its dependencies: every
other process starts without them."""

from typing import Any

import click
from flask.cli import ScriptInfo

from app.db import db


class Migrations(click.Group):
    """A stand-in that loads Flask-Migrate's group when it is called."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        from flask_migrate import Migrate
        from flask_migrate.cli import db as commands

        app = click.Context(self, parent=parent).ensure_object(ScriptInfo).load_app()
        Migrate().init_app(app, db, render_as_batch=True)
        context: click.Context = commands.make_context(info_name, args, parent, **extra)
        return context


migrations = Migrations("db", help="Perform database migrations.")
