"""Accounts with the public demo password, or with ids that belong to another issuer."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app import demo
from app.accounts.models import LoginSession
from app.config import Settings
from app.db import db
from ordercast import Doubtful, Examination, Unhealthy

ADVICE = "Change their passwords, or delete them; `make run` alone needs them, on loopback."
SECONDS = 30.0  # to compare five passwords on a busy machine


def examinations(settings: Settings) -> Iterator[Examination]:
    yield Examination("demo accounts", _demo, seconds=SECONDS)
    yield Examination("issuer", lambda: _issuer(settings))


def _demo() -> str:
    """Demo accounts with the public password. In the demo's own database a warning, because
    gunicorn may listen on every address; beside other accounts, or on a server, a failure."""
    try:
        found, others = demo.open_accounts(), demo.others()
    except SQLAlchemyError:
        return "nothing to tell without the database"  # which fails checks of its own
    if not found:
        return "none"
    names = ", ".join(user.email for user in found)
    text = f"everybody knows the password of {names}"
    if others or db.engine.dialect.name != "sqlite":
        raise Unhealthy(text, ADVICE)
    raise Doubtful(text, ADVICE)


def _issuer(settings: Settings) -> str:
    """Accounts that have logged in here: users of another issuer would have the same ids."""
    if settings.has_local_accounts:
        return "the users are this service's own"
    try:
        here = db.session.scalar(select(func.count(LoginSession.user_id.distinct()))) or 0
    except SQLAlchemyError:
        return "nothing to tell without the database"  # which fails checks of its own
    if here:
        raise Unhealthy(
            f"{here} of this service's own accounts have logged in, and the tokens are another's:"
            " its users with their ids read what is theirs",
            "Give the service a database in which nobody has registered.",
        )
    return "the users are another service's"
