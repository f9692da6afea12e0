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


class Tokens(Wire):
    """A pair of tokens; `expires_in`: seconds until the access token expires."""

    access_token: str
    refresh_token: str
    expires_in: int


class LoginView(Tokens):
    user: UserView


class SessionView(Wire):
    """A login of the pages, whose refresh token is in a cookie."""

    access_token: str
    expires_in: int
    user: UserView
