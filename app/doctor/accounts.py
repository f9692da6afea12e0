"""Accounts that everybody could log in to, or whose ids are somebody else's."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app import demo
from app.accounts.models import LoginSession
from app.config import Settings
from app.db import db
from ordercast import Doubtful, Examination, Unhealthy

ADVICE = "Change their passwords, or delete them; `make run` alone needs them, on loopback."
SECONDS = 30.0  # five passwords are compared, on a busy machine


def examinations(settings: Settings) -> Iterator[Examination]:
    yield Examination("demo accounts", _demo, seconds=SECONDS)
    yield Examination("issuer", lambda: _issuer(settings))


def _demo() -> str:
    """In the demo's own database the accounts are a warning: gunicorn, by itself, listens on every
    address. Beside other accounts, or on a server, they are a hole."""
    try:
        found, others = demo.open_accounts(), demo.others()
    except SQLAlchemyError:
        return "nothing to tell without the database"  # whose own checks have failed
    if not found:
        return "none"
    names = ", ".join(user.email for user in found)
    text = f"everybody knows the password of {names}"
    if others or db.engine.dialect.name != "sqlite":
        raise Unhealthy(text, ADVICE)
    raise Doubtful(text, ADVICE)


def _issuer(settings: Settings) -> str:
    """With another service's users, the ids of people who once logged in here are theirs."""
    if settings.has_local_accounts:
        return "the users are this service's own"
    try:
        here = db.session.scalar(select(func.count(LoginSession.user_id.distinct()))) or 0
    except SQLAlchemyError:
        return "nothing to tell without the database"  # whose own checks have failed
    if here:
        raise Unhealthy(
            f"{here} of this service's own accounts have logged in, and the tokens are another's:"
            " its users with their ids read what is theirs",
            "Give the service a database in which nobody has registered.",
        )
    return "the users are another service's"
