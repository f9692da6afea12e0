"""Disconnection: close a user's connections, in every process; the tokens stay good."""

from app import journal
from app.db import transaction
from app.events import CONTROL_ROOM

DISCONNECT = "disconnect"  # the control event's name; its data: {"userId"}


def disconnect_user(user_id: str) -> None:
    """A server disconnect for the connections that the user has when each process gets to this
    event. A client does not come back from that by itself, but it may. To keep the user out,
    revoke."""
    with transaction():
        journal.append(CONTROL_ROOM, DISCONNECT, {"userId": user_id})
