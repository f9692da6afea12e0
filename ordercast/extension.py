"""The public face of the library: what a team's own code calls."""

from collections.abc import Callable

from flask import Flask, current_app
from sqlalchemy import Engine

from ordercast.health import Check
from ordercast.service import EXTENSION, Service
from ordercast.settings import Settings


class Ordercast:
    """cast = Ordercast()
    cast.init_app(app, engine=lambda: db.engine)

    One object serves any number of applications: in a context it speaks of the current one, outside
    of any of the one that was initialised last.
    """

    def __init__(self) -> None:
        self._latest: Service | None = None

    def init_app(self, app: Flask, *, engine: Callable[[], Engine]) -> None:
        """Add to the application what `app.config` asks for. `engine` returns the engine of the
        team's database, in an application context. Raises ConfigError."""
        service = Service(app, Settings.of(app.config), engine=engine)
        app.extensions[EXTENSION] = self._latest = service

    def check(self, check: Check) -> None:
        """Let `/readyz` and `health()` ask this too."""
        self._service.health.add(check)

    def health(self) -> tuple[dict[str, str], str]:
        """Ask all checks at once -> ({name: ok | what is wrong}, ok | degraded | unavailable)."""
        return self._service.health.examine()

    @property
    def _service(self) -> Service:
        here: Service | None = current_app.extensions.get(EXTENSION) if current_app else None
        service = here or self._latest
        if service is None:
            raise RuntimeError("cast.init_app(app, ...) comes first")
        return service
