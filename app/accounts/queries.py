"""Reads of accounts, for administrators."""

from sqlalchemy import Select, or_, select

from app.accounts.addresses import compared
from app.accounts.models import User
from app.db import row_id


def users(words: str = "") -> Select[User]:
    """Every account, or those with this id, or with these words in the e-mail address or the
    name."""
    query = select(User)
    words = words.strip()
    if not words:
        return query
    found = or_(
        User.email.contains(compared(words), autoescape=True),
        User.name.icontains(words, autoescape=True),
    )
    number = row_id(words)
    return query.where(found if number is None else or_(found, User.id == number))
