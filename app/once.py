"""Repeats of a change: the interface through which a service function answers them."""

from typing import Any, Protocol

from sqlalchemy.orm import Session


class Once(Protocol):
    """The name of one change. Call `first_answer` first in its transaction, and `keep` last."""

    def first_answer(self, session: Session) -> dict[str, Any] | None:
        """The answer of an earlier transaction, or None: then this transaction claims the name.
        Raises OrdercastError when the earlier request with this name was another one."""
        ...

    def known_answer(self, session: Session) -> dict[str, Any] | None:
        """As `first_answer`, without a claim: call it before work that a repeat should not cost.
        Does not wait for a first request under way. Raises OrdercastError."""
        ...

    def keep(self, session: Session, answer: dict[str, Any]) -> dict[str, Any]:
        """Store the answer, and return it as a repeat will get it."""
        ...
