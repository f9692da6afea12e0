"""Accounts as the API shows them."""

from pydantic import AwareDatetime

from app.accounts.models import Role
from ordercast import Wire


class UserView(Wire):
    """A user; never with the password hash."""

    id: str
    email: str
    name: str
    role: Role
    created_at: AwareDatetime


class AdministeredUserView(UserView):
    """A user, as administrators see it."""

    disabled_at: AwareDatetime | None


class EndedSessionsView(Wire):
    """How many login sessions an action on a user has ended."""

    sessions_ended: int


class NewPasswordView(EndedSessionsView):
    password: str | None  # the one that was made; null: the caller gave it


class Tokens(Wire):
    """A pair of tokens; `expires_in`: seconds until the access token expires."""

    access_token: str
    refresh_token: str
    expires_in: int


class PasswordChanged(Wire):
    """`sessions_ended`: how many other login sessions there were."""

    sessions_ended: int


class LoginView(Tokens):
    user: UserView


class SessionView(Wire):
    """A login of the pages, whose refresh token is in a cookie."""

    access_token: str
    expires_in: int
    user: UserView
