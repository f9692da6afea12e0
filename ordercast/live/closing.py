"""Closing a client's Engine.IO session: the transport's own, or the stock one of `flask run`."""

from typing import Any

from ordercast.endings import ENDINGS, Ending
from ordercast.metrics import CONNECTIONS_CLOSED, CONNECTIONS_ENDED
from ordercast.transport.session import Session

# Every series exists at 0 from the beginning: a series that appears later has no rate.
COUNTERS = {
    label: CONNECTIONS_CLOSED.labels(label) for label in {end.label for end in ENDINGS} if label
}
ENDED = {ending: CONNECTIONS_ENDED.labels(ending.name.lower()) for ending in ENDINGS}


def close(session: Any, ending: Ending) -> None:
    """Close the session; calling it again is harmless."""
    if isinstance(session, Session):
        session.end(ending)  # counted by the engine
        return
    count(ending)
    session.close(
        wait=False, abort=not ending.is_told(on_websocket=True), reason=str(ending.reason)
    )


def leave(session: Any) -> None:
    """Count the session, whose client has left its last namespace, as unauthenticated again."""
    if isinstance(session, Session) and session.authenticated:
        session.leave()


def count(ending: Ending) -> None:
    """Count the ending in `ordercast_connections_ended_total` and `..._closed_total`."""
    ENDED[ending].inc()
    if ending.label:
        COUNTERS[ending.label].inc()
