"""For an application's own tests, with any test runner:

    with capture(app) as sent: ...            the events that each room would have got
    with LiveServer("app:create_app()"): ...  the real service: gunicorn, worker and Redis

capturing.py     what was sent, by room         transactions.py   whether it was committed
live_server.py   the processes of a service     processes.py      one of them
redis_server.py  the binary of Redis

The names are loaded when they are used: tests that need a LiveServer alone load no Flask.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ordercast.captures import CapturedEvent as CapturedEvent
    from ordercast.testing.capturing import Sent as Sent
    from ordercast.testing.capturing import capture as capture
    from ordercast.testing.live_server import LiveServer as LiveServer
    from ordercast.testing.live_server import NotStarted as NotStarted

_HOME = {  # public name: its module
    "CapturedEvent": "ordercast.captures",
    "LiveServer": "ordercast.testing.live_server",
    "NotStarted": "ordercast.testing.live_server",
    "Sent": "ordercast.testing.capturing",
    "capture": "ordercast.testing.capturing",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
