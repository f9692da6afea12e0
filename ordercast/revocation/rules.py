"""Whom a revocation hits: one rule for the check in the database, for the memory of a process and
for its connections.

kind           value         hits
user           a user id     every token of the user that was issued until then
session        a session     every token of a login
token          a jti         one token
connections    a user id     no token: the connections that the user has at that moment

A service adds kinds of its own, each with a rule; their values are user ids.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ordercast.errors import TokenError, TokenRevoked
from ordercast.events import KIND
from ordercast.identity import Identity

IAT_SECONDS = 1  # `iat` is in whole seconds: the token may be younger by so much


class RevocationKind(StrEnum):
    SESSION = "session"
    TOKEN = "token"  # noqa: S105
    USER = "user"
    CONNECTIONS = "connections"


class Mark(NamedTuple):
    """One revocation."""

    kind: str
    value: str
    at: datetime
    detail: str | None = None  # set by kinds that say more than a value

    @property
    def what(self) -> tuple[str, str]:
        """The key: a later revocation with the same key takes its place."""
        return (self.kind, self.value)


# (an identity whose user the mark names, the mark, the seconds by which clocks may differ) -> the
# refusal that follows, TokenRevoked or TokenExpired; None for an identity that stays good.
Rule = Callable[[Identity, Mark, float], TokenError | None]


class Rules:
    """`leeway`: seconds by which clocks may differ; `own`: the kinds of the service. Raises
    ValueError for a kind that the library has, and for one that no control event can say."""

    def __init__(self, *, leeway: float = 0, own: Mapping[str, Rule] | None = None) -> None:
        self._leeway = leeway
        self._own = dict(own or {})
        if taken := self._own.keys() & {*RevocationKind}:
            raise ValueError(f"a kind of revocation of the library's own: {', '.join(taken)}")
        if unsaid := [kind for kind in self._own if not re.fullmatch(KIND, kind)]:
            raise ValueError(f"a kind of revocation fits {KIND}: {unsaid!r:.250}")

    def concerning(self, identity: Identity) -> list[tuple[str, str]]:
        """The keys of all revocations that could refuse this identity."""
        user_id = identity.user_id
        keys: list[tuple[str, str]] = [(RevocationKind.USER.value, user_id)]
        if identity.session is not None:
            keys.append((RevocationKind.SESSION.value, identity.session))
        if identity.jti is not None:
            keys.append((RevocationKind.TOKEN.value, identity.jti))
        keys += [(kind, user_id) for kind in self._own]
        return keys

    def refusal(self, identity: Identity, mark: Mark) -> TokenError | None:
        """The error for an identity that this revocation hits; None if it does not."""
        if mark.what not in self.concerning(identity):
            return None
        rule = self._own.get(mark.kind)
        if rule is not None:
            return rule(identity, mark, self._leeway)
        if mark.kind == RevocationKind.USER and not issued_until(identity, mark.at, self._leeway):
            return None
        return TokenRevoked(f"its {mark.kind} was revoked at {mark.at.isoformat()}")

    def hits(self, identity: Identity, mark: Mark) -> bool:
        """Whether a connection with this identity ends."""
        if mark.kind == RevocationKind.CONNECTIONS:
            return mark.value == identity.user_id
        return self.refusal(identity, mark) is not None


def issued_until(identity: Identity, moment: datetime, leeway: float) -> bool:
    """Whether a token may have been issued before that moment, whichever clock its `iat` is by."""
    at = moment.timestamp()
    if not identity.is_local:
        # Another issuer's clock may be ahead: in doubt the token is revoked.
        return identity.issued_at <= at + leeway
    if identity.session is None:
        return identity.issued_at <= at  # whole seconds, as `iat` counts them: in doubt revoked
    # A service that issues tokens of logins also revokes the user's present logins by their ids, so
    # no clock decides on the token of a later login. A token far older is revoked in any case.
    return identity.issued_at + max(leeway, IAT_SECONDS) < at
