"""db: Flask-Migrate's commands. Alembic, with the templates and highlighters that it brings, is
loaded by this command alone: every other process starts without it."""

from typing import Any

import click
from flask.cli import ScriptInfo

from app.db import db


class Migrations(click.Group):
    """Stands for Flask-Migrate's group until it is called."""

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
