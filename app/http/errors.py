"""Errors on HTTP: {"error": {"code", "message", "details"?}} for all of them, a page where a person
opened the address, and the table of their statuses."""

import logging
from typing import Any

import orjson
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import DataError, SQLAlchemyError
from werkzeug.exceptions import ClientDisconnected, HTTPException

from app.accounts import errors as accounts
from app.accounts.tokens import manager
from app.catalog import errors as catalog
from app.errors import MarketplaceError
from app.http import browsing, idempotency, paging
from app.notifications import errors as notifications
from app.operations import errors as operations
from app.orders import errors as orders
from ordercast import (
    AuthenticationRequired,
    InboxUnavailable,
    KeysUnavailable,
    LedgerUnavailable,
    OrdercastError,
    Outage,
    TokenError,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
    explain,
)

logger = logging.getLogger(__name__)


class RequestError(MarketplaceError):
    """A request that is refused before any service function is called."""


class MalformedJson(RequestError):
    code = "malformed_json"


class UnsupportedMediaType(RequestError):
    code = "unsupported_media_type"


class ValidationFailed(RequestError):
    """`details`: [{path, message}], an entry for each wrong value."""

    code = "validation_error"


class InvalidIdempotencyKey(RequestError):
    code = "invalid_idempotency_key"


class Forbidden(RequestError):
    code = "forbidden"


class NotFromOurPages(RequestError):
    """A call that counts by its cookie came from elsewhere than the pages of this origin."""

    code = "not_from_our_pages"

    def __init__(self) -> None:
        super().__init__(
            "Only the pages of this origin may call this. Others: POST /api/auth/login."
        )


class AnswersFull(RequestError):
    code = "too_many_answers"
    retry_after_seconds = 2

    def __init__(self) -> None:
        super().__init__("Too many large answers are being sent right now; try again in 2 s.")


STATUS: dict[type[OrdercastError], int] = {
    MalformedJson: 400,
    UnsupportedMediaType: 415,
    ValidationFailed: 422,
    InvalidIdempotencyKey: 400,
    Forbidden: 403,
    NotFromOurPages: 403,
    AnswersFull: 503,
    paging.InvalidCursor: 400,
    idempotency.KeyReused: 422,
    AuthenticationRequired: 401,
    TokenInvalid: 401,
    TokenExpired: 401,
    accounts.TokenOutdated: 401,
    TokenRevoked: 401,
    KeysUnavailable: 503,
    accounts.InvalidCredentials: 401,
    accounts.WrongPassword: 403,
    accounts.PasswordRefused: 422,
    accounts.TooManyAttempts: 429,
    accounts.TooBusy: 503,
    accounts.EmailTaken: 409,
    accounts.AccountNotFound: 404,
    accounts.AccountRequired: 403,
    accounts.LocalAccountsOff: 403,
    accounts.AccountDisabled: 403,
    accounts.OwnAccount: 409,
    catalog.ProductNotFound: 404,
    catalog.OutOfStock: 409,
    catalog.StockTooLarge: 409,
    orders.OrderNotFound: 404,
    orders.UnknownProduct: 422,
    orders.SeveralSellers: 422,
    orders.SeveralCurrencies: 422,
    orders.OrderTooLarge: 422,
    orders.MoveForbidden: 403,
    orders.InvalidTransition: 409,
    orders.VersionConflict: 409,
    notifications.NotificationNotFound: 404,
    operations.EntryNotFound: 404,
    operations.EventNotFound: 404,
    InboxUnavailable: 503,
    LedgerUnavailable: 503,
    notifications.UnknownUser: 422,
}

HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
RETRY_SECONDS = 2  # Retry-After while the database, or the issuer of the tokens, is unavailable
UNAVAILABLE = {
    Outage.UNAVAILABLE: "The database cannot be reached",
    Outage.READ_ONLY: "The database takes no changes now",
    Outage.FULL: "The database has no space left",
    Outage.BUSY: "The database is busy",
}


def init_app(app: Flask) -> None:
    app.register_error_handler(OrdercastError, _ordercast_error)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(SQLAlchemyError, _database_error)
    for unstorable in (DataError, UnicodeEncodeError):
        app.register_error_handler(unstorable, _unstorable)
    app.register_error_handler(Exception, _unknown)
    _speak_for_jwt_extended()


def envelope(status: int, code: str, message: str, details: Any = None) -> Response:
    """The answer to a program; to a person who opened an address, a page."""
    if browsing.by_a_person():
        return _either_way(browsing.error_page(status))
    error = {"code": code, "message": message}
    if details is not None:
        error["details"] = details
    body = orjson.dumps({"error": error})
    return _either_way(current_app.response_class(body, status=status, mimetype="application/json"))


def _either_way(answer: Response) -> Response:
    if not request.path.startswith(browsing.API):
        answer.vary.add("Accept")
    return answer


def _ordercast_error(error: OrdercastError) -> Response:
    status = STATUS.get(type(error))
    if status is None:  # an error of sockets or events, which no view should raise
        return _unknown(error)
    response = envelope(status, error.code, error.message, error.details)
    if isinstance(error, TokenError):
        logger.info("token refused", extra={"code": error.code, "reason": error.reason})
    if isinstance(error, KeysUnavailable):
        logger.warning("token not checked", extra={"code": error.code, "reason": error.reason})
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    if isinstance(error, InboxUnavailable | LedgerUnavailable):
        logger.warning("Redis unavailable", extra={"code": error.code, "reason": error.message})
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 6750 section 3
    if isinstance(error, accounts.TooManyAttempts | accounts.TooBusy | AnswersFull):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect is no error
        return error.get_response()  # type: ignore[return-value]
    if isinstance(error, ClientDisconnected) and isinstance(error.__context__, TimeoutError):
        return envelope(408, "request_timeout", "The body did not come in time.")
    code = HTTP_CODES.get(status, "bad_request" if status < 500 else "internal_error")
    response = envelope(status, code, error.description or error.name)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _database_error(error: SQLAlchemyError) -> Response:
    found = explain(error)
    if found is None:
        return _unknown(error)
    logger.error("database unavailable", exc_info=error)
    why = UNAVAILABLE.get(found[0], UNAVAILABLE[Outage.UNAVAILABLE])
    response = envelope(503, "database_unavailable", f"{why}; nothing was changed. Try again.")
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _unstorable(error: Exception) -> Response:
    """A value that the database refuses: without UTF-8 it cannot hold every character."""
    logger.warning("unstorable", extra={"error": type(error).__name__})
    message = "The database cannot hold a character or a number of this request."
    return envelope(STATUS[ValidationFailed], ValidationFailed.code, message)


def _unknown(error: Exception) -> Response:
    logger.error("unexpected error", exc_info=error)
    return envelope(500, "internal_error", "Something went wrong here; it has been logged.")


def _speak_for_jwt_extended() -> None:
    """Answer with the same envelope in a team's own views under @jwt_required()."""
    manager.unauthorized_loader(lambda _why: _ordercast_error(AuthenticationRequired()))
    manager.invalid_token_loader(lambda why: _ordercast_error(TokenInvalid(why)))
    manager.expired_token_loader(lambda _h, _c: _ordercast_error(TokenExpired()))
    manager.revoked_token_loader(lambda _h, _c: _ordercast_error(TokenRevoked()))
