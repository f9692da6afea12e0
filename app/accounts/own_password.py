"""A user's own change of the password, guarded as a login is."""

from sqlalchemy import select

from app import audit
from app.accounts import attempts, passwords, revocation, slowing
from app.accounts.addresses import compared
from app.accounts.errors import AccountDisabled, PasswordRefused, WrongPassword
from app.accounts.guessing import check_guessable
from app.accounts.models import User
from app.accounts.service import user_of
from app.accounts.tokens import Identity
from app.audit import Action
from app.db import release, transaction


def change(identity: Identity, *, current: str, new: str, address: str) -> int:
    """Give the caller's account another password, and end its other login sessions -> their number.
    Raises AccountNotFound, AccountDisabled, WrongPassword, PasswordRefused, TooManyAttempts and
    TooBusy.

    A wrong password counts as a failed login: a stolen access token is no way around that limit.
    """
    user = user_of(identity)
    user_id, email, stored = user.id, user.email, user.password_hash
    release()  # hold no database connection while passwords are hashed
    try:
        check_guessable(new, email=email)
    except ValueError as exc:
        raise PasswordRefused(str(exc)) from exc
    account = compared(email)
    over = attempts.count_login(address, account)
    if over and not slowing.turn(over.key):
        raise over.refusal
    while True:
        if not passwords.check_password(stored, current).fits:
            raise over.refusal if over else WrongPassword
        new_hash = passwords.hash_password(new)
        with transaction() as session:
            user = session.scalars(select(User).where(User.id == user_id).with_for_update()).one()
            if user.password_hash != stored:
                stored = user.password_hash
                continue  # password or hash changed meanwhile: check again
            if user.disabled_at is not None:
                raise AccountDisabled
            user.password_hash = new_hash
            attempts.take_back(session, address, account)
            audit.record(session, Action.CHANGE_PASSWORD, identity.user_id, by=identity.user_id)
            return revocation.end_logins(session, identity.user_id, but=identity.session)
