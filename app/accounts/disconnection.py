"""Disconnection: close a user's connections, in every process; the tokens stay good."""

from datetime import timedelta

from app.accounts import revocation
from app.accounts.models import RevocationKind
from app.db import now, transaction

KEPT = timedelta(minutes=10)  # in the table, for processes that do not hear of it


def disconnect_user(user_id: str) -> None:
    """A server disconnect for the connections that the user has when each process learns of it. A
    client does not come back from that by itself, but it may. To keep the user out, revoke."""
    with transaction() as session:
        revocation.add(session, RevocationKind.CONNECTIONS, user_id, now() + KEPT)
