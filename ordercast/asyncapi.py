"""The AsyncAPI 3.0 document, made from the declared events."""

from collections.abc import Mapping
from typing import Any

from ordercast.events import Event, Events
from ordercast.schemas import Model, Schema, schemas_of

REF = "#/components/schemas/{model}"
ANY_ROOM = "any_room"  # the channel of the events without an audience
DESCRIPTION = (
    "Socket.IO protocol 5 on /socket.io/, namespace /. Connect with {auth: {token}}. Each event has"
    " the payload as its first argument and its offset, a string, as its last."
)


def asyncapi_document(
    events: Events, *, title: str, version: str = "1", description: str = DESCRIPTION
) -> dict[str, Any]:
    """The document: the events that a client of the namespace `/` receives. Raises Inexpressible
    for a payload that JSON Schema cannot describe."""
    names, schemas = schemas_of(tuple(events), ref=REF)
    return _Document(events, names, schemas).whole(title, version, description)


class _Document:
    def __init__(
        self, events: Events, names: Mapping[Model, str], schemas: dict[str, Schema]
    ) -> None:
        self._events = events
        self._names = names
        self._schemas = schemas

    def whole(self, title: str, version: str, description: str) -> dict[str, Any]:
        channels = [*self._events.audiences]
        if any(not event.audience for event in self._events):
            channels.append("")
        return {
            "asyncapi": "3.0.0",
            "info": {"title": title, "version": version, "description": description},
            "channels": {audience or ANY_ROOM: self._channel(audience) for audience in channels},
            "operations": {
                f"send{self._names[event]}": self._operation(event) for event in self._events
            },
            "components": {
                "messages": {self._names[event]: self._message(event) for event in self._events},
                "schemas": self._schemas,
            },
        }

    def _channel(self, audience: str) -> dict[str, Any]:
        room = {
            "address": f"{audience}:{{id}}",
            "description": f"The room of one {audience}, joined at connect.",
            "parameters": {"id": {"description": f"The {audience}'s id: the token's sub."}},
        }
        any_room = {
            "address": "{room}",
            "description": "A room that the service lets the client join.",
            "parameters": {"room": {"description": "The name of the room."}},
        }
        messages = {
            self._names[event]: {"$ref": f"#/components/messages/{self._names[event]}"}
            for event in self._events
            if event.audience == audience
        }
        return {**(room if audience else any_room), "messages": messages}

    def _operation(self, event: type[Event]) -> dict[str, Any]:
        channel = f"#/channels/{event.audience or ANY_ROOM}"
        return {
            "action": "send",
            "summary": event.summary,
            "channel": {"$ref": channel},
            "messages": [{"$ref": f"{channel}/messages/{self._names[event]}"}],
        }

    def _message(self, event: type[Event]) -> dict[str, Any]:
        return {
            "name": event.event,
            "summary": event.summary,
            "payload": {
                "type": "array",
                "description": "The arguments of the event.",
                "prefixItems": [
                    {"$ref": REF.format(model=self._names[event])},
                    {"type": "string", "description": "The offset: pass it back to miss nothing."},
                ],
                "minItems": 2,
                "maxItems": 2,
            },
        }
