"""Identities for the clients of a proof: with tokens of its own, or with what is given."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
from werkzeug.test import create_environ

from ordercast import checking
from ordercast.errors import OrdercastError, Refuse
from ordercast.identity import Identity
from ordercast.service import Service

PREFIX = "prove-"  # of the ids of users that are made here
SPARE_SECONDS = 600.0  # that a token outlives the faults


class NobodyConnects(OrdercastError):
    """There is no identity that the service would accept; the text says why, and what to do."""

    code = "nobody_connects"


class Person(NamedTuple):
    auth: dict[str, Any]  # of its clients, as in `io(url, {auth})`
    user_id: str
    room: str  # of the person's own, as far as can be told


def made(service: Service, count: int, *, run: str, seconds: float) -> list[Person]:
    """People whose tokens are signed here. Raises NobodyConnects."""
    secret = service.settings.JWT_SECRET_KEY
    if secret is None or not service.tokens.signs_here:
        raise NobodyConnects(
            "no token signed here is accepted: give what test users connect with, --auth"
        )
    tokens = (
        checking.made(
            service.settings,
            secret,
            f"{PREFIX}{run}-{number}",
            seconds=seconds + SPARE_SECONDS,
            more={},
        )
        for number in range(count)
    )
    return [_person(service, {"token": token}) for token in tokens]


def given(service: Service, lines: Iterable[str]) -> list[Person]:
    """The people of a file: on each line a token, or the auth as a JSON object. Raises
    NobodyConnects."""
    people = [_person(service, _auth(line)) for line in map(str.strip, lines) if line]
    if not people:
        raise NobodyConnects("the file has no line with a token or a JSON object")
    return people


def _auth(line: str) -> dict[str, Any]:
    if not line.startswith("{"):
        return {"token": line}
    try:
        auth: dict[str, Any] = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        raise NobodyConnects(f"a line is no JSON object: {exc}") from exc
    return auth


def _person(service: Service, auth: dict[str, Any]) -> Person:
    try:
        identity = service.identify(auth, create_environ("/socket.io/"))
        service.revocations.check(identity)
    except Refuse as exc:
        raise NobodyConnects(f"a user is refused: {exc.reason or exc.message}") from exc
    if not identity.rooms:
        raise NobodyConnects(f"the user {identity.user_id} is in no room from the connect on")
    return Person(auth, identity.user_id, _own_room(identity))


def _own_room(identity: Identity) -> str:
    named = (room for room in identity.rooms if identity.user_id in room)
    return next(named, identity.rooms[0])
