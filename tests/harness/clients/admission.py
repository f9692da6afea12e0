"""The Socket.IO CONNECT of a bare client, with a token that is good."""

from contextlib import ExitStack
from typing import Protocol
from uuid import uuid4

from tests.harness.clients.framed import Wire, wire
from tests.harness.clients.raw import CONNECT, introduce
from tests.harness.people.person import signed
from tests.harness.processes.service import Service


class Speaker(Protocol):
    def say(self, text: str, /) -> object: ...
    def hear(self) -> str: ...


def admit(client: Speaker, **claims: object) -> None:
    """CONNECT with a token of a new user's, or with these claims; accepted."""
    client.say(introduce(signed(**{"sub": uuid4().hex, **claims})))
    heard = client.hear()
    assert heard.startswith(CONNECT + "{"), heard


def admitted(stack: ExitStack, service: Service, **claims: object) -> Wire:
    """A WebSocket that is connected with such a token."""
    client = stack.enter_context(wire(service.port))
    admit(client, **claims)
    return client
