"""The decorator of every view of the API: declares the call, and does what all calls share.

    @blueprint.post("/orders")
    @operation("Place an order.", roles={Role.CUSTOMER}, body=PlaceOrder, status=201, answer=Order,
               errors=(OutOfStock,), idempotent=True)
    def place_order(caller, body, once): ...

The view gets its declared arguments by keyword: `caller` (Identity) unless it is public, `body`,
`query`, and `once` if it takes an Idempotency-Key. It returns plain JSON, None for no body, or a
Response. The OpenAPI document is made from the same declaration.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import orjson
from flask import Response, current_app, g, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from app.accounts import tokens
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.db import release
from app.extension import cast
from app.http.compression import compressed
from app.http.errors import (
    Forbidden,
    InvalidIdempotencyKey,
    MalformedJson,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.http.idempotency import Claim
from ordercast import AuthenticationRequired, OrdercastError, complaints_of

IDEMPOTENCY_KEY = "Idempotency-Key"
OFFSET = "X-Event-Offset"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_CHARACTERS = 255

Model = TypeVar("Model", bound=BaseModel)
View = Callable[..., Any]
ANY_USER = frozenset(Role)


@dataclass(frozen=True, kw_only=True)
class Operation:
    id: str  # "placeOrder": the view's name, for generated clients
    group: str  # "orders": the view's module
    summary: str
    roles: frozenset[Role]
    public: str | None  # reason why no token is needed; None: a token is needed
    body: type[BaseModel] | None
    body_required: bool
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    many: str | None  # the answer is a page {many: [answer], nextCursor}
    counted: bool  # the page has `total` too: how many there are in all
    status: int
    errors: tuple[type[OrdercastError], ...]
    idempotent: bool
    media_type: str  # of the answer


def operation(
    summary: str,
    *,
    roles: Collection[Role] = ANY_USER,
    public: str | None = None,
    body: type[BaseModel] | None = None,
    body_required: bool = True,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    many: str | None = None,
    counted: bool = False,
    status: int = 200,
    errors: tuple[type[OrdercastError], ...] = (),
    idempotent: bool = False,
    media_type: str = "application/json",
) -> Callable[[View], View]:
    """Declare a view of the API. Every GET with a token also answers with X-Event-Offset."""

    def decorate(view: View) -> View:
        declared = Operation(
            id=_id_of(view),
            group=view.__module__.rsplit(".", 1)[-1],
            summary=summary,
            roles=frozenset(roles),
            public=public,
            body=body,
            body_required=body_required,
            query=query,
            answer=answer,
            many=many,
            counted=counted,
            status=status,
            errors=errors,
            idempotent=idempotent,
            media_type=media_type,
        )

        @wraps(view)
        def handle(**arguments: Any) -> Response:
            if public is None:
                arguments["caller"] = g.caller = _authorise(declared)
                release()  # hold no database connection while a slow client sends its body
            if body is not None:
                absent = not body_required and not request.get_data()
                arguments["body"] = None if absent else _parse(body)
            if query is not None:
                arguments["query"] = _validate(lambda: query.model_validate(request.args.to_dict()))
            once = None
            if idempotent:
                once = arguments["once"] = _once(arguments.get("caller"), arguments.get("body"))
            offset = _offset() if request.method == "GET" and public is None else None
            response = _respond(view(**arguments), status)
            if many is not None:
                compressed(response)
            if offset is not None:
                response.headers[OFFSET] = offset
            if once is not None and once.replayed:
                response.headers[REPLAYED] = "true"
            return response

        handle.operation = declared  # type: ignore[attr-defined]
        return handle

    return decorate


def _id_of(view: View) -> str:
    """ "place_order" -> "placeOrder"; of an administrator's call "adminDisable"."""
    admin = ".admin." in view.__module__
    first, *rest = [*(["admin"] if admin else []), *view.__name__.split("_")]
    return first + "".join(word.capitalize() for word in rest)


def bearer() -> str:
    """The token of the Authorization header (RFC 6750). Raises AuthenticationRequired."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationRequired
    return token.strip()


def _authorise(declared: Operation) -> Identity:
    caller = tokens.verify(bearer())
    if caller.role not in declared.roles:
        wanted = " or ".join(sorted(declared.roles))
        raise Forbidden(f"This is for the role {wanted}; the token's is {caller.role}.")
    return caller


def _parse(model: type[Model]) -> Model:
    if not request.is_json:
        raise UnsupportedMediaType("Send the body as application/json.")
    data = request.get_data()
    if request.content_length is None and len(data) >= current_app.config["MAX_CONTENT_LENGTH"]:
        # Werkzeug silently cuts off a chunked body at the limit.
        raise RequestEntityTooLarge
    return _validate(lambda: model.model_validate_json(data))


def _validate(build: Callable[[], Model]) -> Model:
    try:
        return build()
    except ValidationError as exc:
        cause = exc
    found = complaints_of(cause)
    if cause.errors()[0]["type"] == "json_invalid":
        raise MalformedJson(found[0]["message"])
    raise ValidationFailed("The request is not valid.", found)


def _once(caller: Identity | None, body: BaseModel | None) -> Claim | None:
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey(
            f"Expected 1 to {MAX_KEY_CHARACTERS} printable ASCII characters."
        )
    # Scope a public call by the e-mail address. Leave the password out of the fingerprint: a fast
    # hash of it must not be stored.
    sent = body.model_dump(mode="json", exclude={"password"}) if body else None
    who = caller.user_id if caller else f"anyone:{sent['email'] if sent else ''}"
    return Claim.of(scope=f"{request.method} {request.path} {who}", key=key, request=sent)


def _offset() -> str:
    # Read before the data: a client sees an event committed in between twice, and misses none.
    return str(cast.head().position)


def _respond(result: Any, status: int) -> Response:
    if isinstance(result, Response):  # a view that streams
        return result
    if result is None:
        return current_app.response_class(status=status)
    return current_app.response_class(
        orjson.dumps(result), status=status, mimetype="application/json"
    )
