"""The marketplace: customers see their orders move, sellers see orders and low stock, when the
database commits. It stands on the public names of ordercast/, which has a reading order of its own.

Reading order:
    config.py        every variable of the environment     roles.py   customer, seller, admin
    extension.py     the library, as every part here uses it
    events.py        the declared events           emitters.py   the functions that send them
    db/              transaction(), the only place that commits
    once.py          repeats of a change, answered like the first
    accounts/ catalog/ orders/ notifications/      the domain
    operations/      the running service, for administrators     audit.py   what they did
    http/            the API and the pages
    steps.py         the worker's steps: expiry, pruning.py
    doctor/          checks of the marketplace     cli/          the commands
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings


def create_app(settings: Settings | Mapping[str, str] | None = None) -> Flask:
    """The application. `settings`: ready made, or an environment to read them from, by default
    this process's. Raises app.config.ConfigError, one line that names what is missing or wrong."""
    # Import here, not on top: an external script that imports app.emitters loads no Flask.
    from flask import Flask
    from flask_socketio import SocketIO

    from app import cli, config, db, doctor, http, logs, steps
    from app.accounts import passwords, revocation, slowing, tokens
    from app.events import EVENTS
    from app.extension import cast
    from ordercast import TrustedProxies

    if not isinstance(settings, config.Settings):
        settings = config.load(os.environ if settings is None else settings)
    logs.configure(settings.LOG_LEVEL)
    app = Flask("app")
    app.config["SETTINGS"] = settings
    app.config.update(settings.as_config())
    db.init_app(app)
    http.pass_over_upgrades(app)
    cast.init_app(
        app,
        SocketIO(manage_session=False),  # no handler here reads Flask's session
        engine=lambda: db.db.engine,
        events=EVENTS,
        revocation_rules=revocation.RULES,
    )
    for part in (tokens, passwords, slowing, http, steps, doctor, cli):
        part.init_app(app)
    # Outermost, for `flask run` and tests; in gunicorn's workers the library adds it by itself.
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.TRUSTED_PROXIES)  # type: ignore[method-assign]
    return app
