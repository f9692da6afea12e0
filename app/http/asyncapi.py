"""The AsyncAPI 3.0 document, made from the declared events."""

from typing import Any

from app.events import EVENTS
from ordercast import Event

REF = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """The document, `GET /api/asyncapi.json`: the events that a client of `/` receives."""
    schemas: dict[str, Any] = {}
    for event in EVENTS:
        schema = event.model_json_schema(by_alias=True, mode="serialization", ref_template=REF)
        schemas |= schema.pop("$defs", {})
        schemas[event.__name__] = schema
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ordercast",
            "version": "1",
            "description": "Socket.IO protocol 5 on /socket.io/, namespace /. Connect with "
            "{auth: {token}}. Each event has the payload as its first argument and its offset, "
            "a string, as its last.",
        },
        "channels": {
            audience: {
                "address": f"{audience}:{{id}}",
                "description": f"The room of one {audience}, joined at connect.",
                "parameters": {"id": {"description": f"The {audience}'s id: the token's sub."}},
                "messages": {
                    event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
                    for event in EVENTS
                    if event.audience == audience
                },
            }
            for audience in EVENTS.audiences
        },
        "operations": {f"send{event.__name__}": _operation(event) for event in EVENTS},
        "components": {
            "messages": {event.__name__: _message(event) for event in EVENTS},
            "schemas": schemas,
        },
    }


def _operation(event: type[Event]) -> dict[str, Any]:
    channel = f"#/channels/{event.audience}"
    return {
        "action": "send",
        "summary": event.summary,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{event.__name__}"}],
    }


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.event,
        "summary": event.summary,
        "payload": {
            "type": "array",
            "description": "The arguments of the event.",
            "prefixItems": [
                {"$ref": REF.format(model=event.__name__)},
                {"type": "string", "description": "The offset: pass it back to miss nothing."},
            ],
            "minItems": 2,
            "maxItems": 2,
        },
    }
