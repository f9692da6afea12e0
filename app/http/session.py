"""/api/auth/session: the session of the pages of this origin, one for all tabs of a browser. The
refresh token stays in a cookie; answers have the access token only."""

from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request

from app.accounts import errors, issuers, service, sessions, tokens
from app.accounts.models import User
from app.accounts.wire import SessionView, Tokens, UserView
from app.http import cookie
from app.http.bodies import Login
from app.http.errors import NotFromOurPages
from app.http.operation import operation
from ordercast import (
    AuthenticationRequired,
    TokenError,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
)

blueprint = Blueprint("session", __name__, url_prefix=cookie.PATH)


@blueprint.post("")
@operation(
    "Log in for the pages of this origin: the refresh token becomes a cookie. "
    "With the header X-Requested-With.",
    public="the password is the proof",
    body=Login,
    answer=SessionView,
    errors=(
        NotFromOurPages,
        errors.LocalAccountsOff,
        errors.InvalidCredentials,
        errors.AccountDisabled,
        errors.TooManyAttempts,
        errors.TooBusy,
    ),
)
def open_session(body: Login) -> Response:
    """{email, password} -> 200 {accessToken, expiresIn, user} and the cookie | 401 | 403 | 429 |
    503. Ends the session of the cookie that was there."""
    cookie.require_own_page()
    issuers.require_local_accounts()
    user, pair = service.log_in(
        email=body.email, password=body.password, address=request.remote_addr or ""
    )
    answer = _answer(user, pair)
    _end_session()
    return answer


@blueprint.post("/refresh")
@operation(
    "Exchange the cookie for an access token and the next cookie; for 20 s again, for the same "
    "pair. With the header X-Requested-With.",
    public="the cookie is the proof, from the pages of this origin alone",
    answer=SessionView,
    errors=(
        NotFromOurPages,
        errors.LocalAccountsOff,
        AuthenticationRequired,
        TokenInvalid,
        TokenExpired,
        TokenRevoked,
    ),
)
def continue_session() -> Response:
    """-> 200 {accessToken, expiresIn, user} and the cookie | 401 | 403."""
    cookie.require_own_page()
    issuers.require_local_accounts()
    identity = tokens.verify(cookie.token(), "refresh")
    pair = sessions.refresh(identity)
    return _answer(service.user_of(identity), pair)


@blueprint.delete("")
@operation(
    "Log out: the session of the cookie is revoked, its sockets are closed, and the cookie is "
    "deleted. With the header X-Requested-With.",
    public="the cookie is the proof, from the pages of this origin alone",
    status=204,
    errors=(NotFromOurPages,),
)
def close_session() -> Response:
    """-> 204, also for a session that has ended | 403."""
    cookie.require_own_page()
    _end_session()
    return cookie.forget(current_app.response_class(status=204))


def _end_session() -> None:
    try:
        sessions.log_out(tokens.verify(cookie.token(), "refresh"))
    except (AuthenticationRequired, TokenError):
        return  # none, or it has ended already


def _answer(user: User, pair: Tokens) -> Response:
    view = SessionView(
        access_token=pair.access_token,
        expires_in=pair.expires_in,
        user=UserView.model_validate(user),
    )
    said: dict[str, Any] = view.wire()
    answer = current_app.response_class(orjson.dumps(said), mimetype="application/json")
    return cookie.keep(answer, pair.refresh_token)
