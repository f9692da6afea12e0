"""A change that may be asked for again: what a service function needs of the repeat."""

from typing import Any, Protocol

from sqlalchemy.orm import Session


class Once(Protocol):
    """Names one change. `first_answer` comes first in its transaction, and `keep` last."""

    def first_answer(self, session: Session) -> dict[str, Any] | None:
        """The answer given before, or None: then the change is now this transaction's. Raises
        OrdercastError when something else was asked for under the same name."""
        ...

    def known_answer(self, session: Session) -> dict[str, Any] | None:
        """As `first_answer`, but without a claim: before work that a repeat must not cost. Does
        not wait for a first one that is under way. Raises OrdercastError."""
        ...

    def keep(self, session: Session, answer: dict[str, Any]) -> dict[str, Any]:
        """Remember the answer, and return it as a repeat will see it."""
        ...
