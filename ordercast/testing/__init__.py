"""For an application's own tests, with any test runner:

    with capture(app) as sent: ...            the events that each room would have got
    with LiveServer("app:create_app()"): ...  the real service: gunicorn, worker and Redis

capture.py        what was sent, by room         transactions.py   whether it was committed
live_server.py    the processes of a service     redis_server.py   its Redis
"""

from ordercast.captures import CapturedEvent
from ordercast.testing.capture import Sent, capture
from ordercast.testing.live_server import LiveServer, NotStarted

__all__ = ["CapturedEvent", "LiveServer", "NotStarted", "Sent", "capture"]
