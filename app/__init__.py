"""Ordercast: customers see their order move, sellers see orders and low stock, as it commits.

Reading order:
    config.py        every variable of the environment
    events.py        what travels to a client      emitters.py   the four ways to send it
    db/              transaction(), the only thing that commits
    once.py          a change that may be asked for again
    accounts/ catalog/ orders/ notifications/      the domain
    http/            the API over it
    steps.py         the worker's steps: expiry, pruning.py
    doctor/          what may be wrong with it     cli/          the commands

and below it, for any service, ordercast/:
    proxies.py       whose request it is           origins.py    which pages are the service's own
    journal/         events commit with the change, then get their position
    live/            Socket.IO: who is connected, and how the journal reaches them
    transport/       the connection, which knows nothing of the rest
    inbox/           what external processes send
    worker/          sequencing, the inbox, the steps of the service
    health.py        what /readyz is made of       doctor/       what an operator asks
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
    # Imported here, not on top: an external script that imports app.emitters loads no Flask.
    from flask import Flask
    from flask_socketio import SocketIO

    from app import cli, config, db, doctor, http, logs, steps
    from app.accounts import passwords, revocation, slowing, tokens
    from app.events import EVENTS
    from app.extension import cast
    from ordercast import TrustedProxies, explain

    if not isinstance(settings, config.Settings):
        settings = config.load(os.environ if settings is None else settings)
    logs.configure(settings.LOG_LEVEL, explain)
    app = Flask("app")
    app.config["SETTINGS"] = settings
    app.config.update(settings.as_config())
    db.init_app(app)
    http.pass_over_upgrades(app)
    cast.init_app(
        app,
        SocketIO(manage_session=False),  # its handlers are the library's own, which need none
        engine=lambda: db.db.engine,
        events=EVENTS,
        revocation_rules=revocation.RULES,
    )
    for part in (tokens, passwords, slowing, http, steps, doctor, cli):
        part.init_app(app)
    # Last, in front of the others; in a server the library does so by itself.
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.TRUSTED_PROXIES)  # type: ignore[method-assign]
    return app
