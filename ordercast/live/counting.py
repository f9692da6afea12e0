"""Counting the clients that are accepted, and those that are connected."""

from typing import Any

from ordercast.metrics import CONNECTIONS, CONNECTS

WEBSOCKET, POLLING = TRANSPORTS = ("websocket", "polling")
ACCEPTED = {transport: CONNECTS.labels(transport) for transport in TRANSPORTS}


def transport_of(session: Any) -> str:
    return WEBSOCKET if session.upgraded else POLLING


def connected(session: Any) -> None:
    ACCEPTED[transport_of(session)].inc()
    CONNECTIONS.inc()


def left() -> None:
    CONNECTIONS.dec()
