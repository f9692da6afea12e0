"""Identities for the clients of a proof: with tokens of its own, or with those that are given."""

from collections.abc import Sequence
from typing import NamedTuple

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
    token: str
    user_id: str
    room: str  # of the person's own, as far as can be told


def made(service: Service, count: int, *, run: str, seconds: float) -> list[Person]:
    """People whose tokens are signed here. Raises NobodyConnects."""
    secret = service.settings.JWT_SECRET_KEY
    if secret is None or not service.tokens.signs_here:
        raise NobodyConnects(
            "no token signed here is accepted: give tokens of your issuer's test users, --tokens"
        )
    return given(
        service,
        [
            checking.made(
                service.settings,
                secret,
                f"{PREFIX}{run}-{number}",
                seconds=seconds + SPARE_SECONDS,
                more={},
            )
            for number in range(count)
        ],
    )


def given(service: Service, tokens: Sequence[str]) -> list[Person]:
    """The people of these tokens. Raises NobodyConnects."""
    return [_person(service, token) for token in tokens]


def _person(service: Service, token: str) -> Person:
    try:
        identity = service.identify({"token": token}, create_environ("/socket.io/"))
        service.revocations.check(identity)
    except Refuse as exc:
        raise NobodyConnects(f"a token is refused: {exc.reason or exc.message}") from exc
    if not identity.rooms:
        raise NobodyConnects(f"the user {identity.user_id} is in no room from the connect on")
    return Person(token, identity.user_id, _own_room(identity))


def _own_room(identity: Identity) -> str:
    named = (room for room in identity.rooms if identity.user_id in room)
    return next(named, identity.rooms[0])
