"""The connections of this process and whom they speak for."""

import time
from dataclasses import dataclass, field

from app.accounts.models import RevocationKind
from app.accounts.tokens import Identity


@dataclass(slots=True)
class Connection:
    sid: str
    identity: Identity  # verified when it connected
    transport: str  # at connect; a client usually upgrades later
    revoked: bool = False
    since: float = field(default_factory=time.monotonic)

    def is_hit_by(self, kind: RevocationKind, value: str) -> bool:
        if kind is RevocationKind.SESSION:
            return self.identity.session == value
        if kind is RevocationKind.TOKEN:
            return self.identity.jti == value
        return self.identity.user_id == value


class Connections:
    """Registered before the revocation check, so that one that comes meanwhile is not missed."""

    def __init__(self) -> None:
        self._by_sid: dict[str, Connection] = {}

    def add(self, connection: Connection) -> None:
        self._by_sid[connection.sid] = connection

    def get(self, sid: str) -> Connection | None:
        return self._by_sid.get(sid)

    def remove(self, sid: str) -> Connection | None:
        return self._by_sid.pop(sid, None)

    def hit_by(self, kind: RevocationKind, value: str) -> list[Connection]:
        """The connections that a revocation concerns."""
        return [found for found in self._by_sid.values() if found.is_hit_by(kind, value)]
