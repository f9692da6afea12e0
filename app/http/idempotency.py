"""Idempotency keys: a repeated POST gets the first answer.

A row claims the key in the transaction of the change, so the first answer and the change exist
together or not at all. Two requests with a key at the same moment queue on the row.
Source: draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import String, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, UtcDateTime, now
from app.errors import MarketplaceError
from app.once import Once
from ordercast import upsert


class IdempotencyError(MarketplaceError):
    """The root."""


class KeyReused(IdempotencyError):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used before with another request.")


class IdempotencyKey(Base):
    __tablename__ = "idempotency_keys"

    scope: Mapped[str] = mapped_column(
        String(64), primary_key=True
    )  # hash of the caller and the call
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))  # hash of the request body
    answer: Mapped[str | None] = mapped_column(Text)  # JSON; None only inside the transaction
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)


@dataclass(slots=True)
class Claim(Once):
    """A caller's key for a call."""

    scope: str
    key: str
    fingerprint: str
    replayed: bool = False  # whether an earlier answer was found

    @classmethod
    def of(cls, *, scope: str, key: str, request: Any) -> "Claim":
        """`request`: plain JSON that must be the same in each repeat."""
        canonical = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
        return cls(_digest(scope.encode()), key, _digest(canonical))

    def first_answer(self, session: Session) -> dict[str, Any] | None:
        """As Once says. Raises KeyReused."""
        claim = upsert(session.get_bind(), IdempotencyKey).values(
            scope=self.scope, key=self.key, fingerprint=self.fingerprint, created_at=now()
        )
        # Wait for another transaction that holds the key, then read its answer. In one statement,
        # so that pruning cannot delete the row between finding and reading it.
        row = session.execute(
            claim.on_conflict_do_update(
                index_elements=["scope", "key"], set_={"key": claim.excluded.key}
            ).returning(IdempotencyKey.fingerprint, IdempotencyKey.answer)
        ).one()
        return self._replay(row.fingerprint, row.answer)

    def known_answer(self, session: Session) -> dict[str, Any] | None:
        """As Once says. Raises KeyReused."""
        kept = select(IdempotencyKey.fingerprint, IdempotencyKey.answer)
        here = kept.where(IdempotencyKey.scope == self.scope, IdempotencyKey.key == self.key)
        row = session.execute(here).first()
        return self._replay(row.fingerprint, row.answer) if row else None

    def _replay(self, fingerprint: str, text: str | None) -> dict[str, Any] | None:
        if text is None:
            return None
        if fingerprint != self.fingerprint:
            raise KeyReused
        self.replayed = True
        answer: dict[str, Any] = orjson.loads(text)
        return answer

    def keep(self, session: Session, answer: dict[str, Any]) -> dict[str, Any]:
        """As Once says."""
        text = orjson.dumps(answer).decode()
        session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.scope == self.scope, IdempotencyKey.key == self.key)
            .values(answer=text)
        )
        return orjson.loads(text)  # type: ignore[no-any-return]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
