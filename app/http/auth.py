"""/api/auth: accounts, logins, tokens."""

from typing import Any

from flask import Blueprint, request

from app.accounts import errors, issuers, own_password, service, sessions, tokens
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.accounts.wire import LoginView, PasswordChanged, Tokens, UserView
from app.http.bodies import ChangeOwnPassword, Login, Refresh, Register
from app.http.operation import bearer, operation
from app.once import Once
from ordercast import AuthenticationRequired, TokenExpired, TokenInvalid, TokenRevoked

blueprint = Blueprint("auth", __name__, url_prefix="/api/auth")


@blueprint.post("/register")
@operation(
    "Make an account.",
    public="there is no account yet",
    body=Register,
    answer=UserView,
    status=201,
    errors=(errors.LocalAccountsOff, errors.EmailTaken, errors.TooManyAttempts, errors.TooBusy),
    idempotent=True,
)
def register(body: Register, once: Once | None) -> dict[str, Any]:
    """{email, password, name, role} -> 201 user | 403 | 409 email_taken | 429 | 503."""
    issuers.require_local_accounts()
    return service.register_user(
        email=body.email,
        password=body.password,
        name=body.name,
        role=Role(body.role),
        address=request.remote_addr or "",
        once=once,
    )


@blueprint.post("/login")
@operation(
    "Log in.",
    public="the password is the proof",
    body=Login,
    answer=LoginView,
    errors=(
        errors.LocalAccountsOff,
        errors.InvalidCredentials,
        errors.AccountDisabled,
        errors.TooManyAttempts,
        errors.TooBusy,
    ),
)
def login(body: Login) -> dict[str, Any]:
    """{email, password} -> 200 tokens and user | 401 | 429 too_many_attempts | 503 too_busy."""
    issuers.require_local_accounts()
    user, pair = service.log_in(
        email=body.email,
        password=body.password,
        address=request.remote_addr or "",
    )
    return LoginView(user=UserView.model_validate(user), **pair.model_dump()).wire()


@blueprint.post("/refresh")
@operation(
    "Exchange a refresh token for a new pair; for 20 s again, for the same pair.",
    public="the refresh token itself is the proof, in the Authorization header or the body",
    body=Refresh,
    body_required=False,
    answer=Tokens,
    errors=(
        errors.LocalAccountsOff,
        AuthenticationRequired,
        TokenInvalid,
        TokenExpired,
        TokenRevoked,
    ),
)
def refresh(body: Refresh | None) -> dict[str, Any]:
    """A refresh token -> 200 a new pair, or for 20 s the same again | 401. A refresh token
    exchanged earlier revokes the whole session."""
    issuers.require_local_accounts()
    token = body.refresh_token if body and body.refresh_token else bearer()
    return sessions.refresh(tokens.verify(token, "refresh")).wire()


@blueprint.post("/password")
@operation(
    "Change my password; my other sessions end.",
    body=ChangeOwnPassword,
    answer=PasswordChanged,
    errors=(
        errors.LocalAccountsOff,
        errors.AccountNotFound,
        errors.AccountDisabled,
        errors.WrongPassword,
        errors.PasswordRefused,
        errors.TooManyAttempts,
        errors.TooBusy,
    ),
)
def change_own_password(caller: Identity, body: ChangeOwnPassword) -> dict[str, Any]:
    """{current, new} -> 200 {sessionsEnded} | 403 wrong_password | 422 | 429 | 503."""
    issuers.require_local_accounts()
    ended = own_password.change(
        caller, current=body.current, new=body.new, address=request.remote_addr or ""
    )
    return PasswordChanged(sessions_ended=ended).wire()


@blueprint.post("/logout")
@operation("Log out: the session's tokens are revoked and its sockets closed.", status=204)
def logout(caller: Identity) -> None:
    """-> 204."""
    sessions.log_out(caller)


@blueprint.get("/me")
@operation("Who am I.", answer=UserView, errors=(errors.AccountNotFound,))
def me(caller: Identity) -> dict[str, Any]:
    """-> 200 user | 404 for a token whose user has no account here."""
    return UserView.model_validate(service.user_of(caller)).wire()
