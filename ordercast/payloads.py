"""An event's payload as JSON text: made and checked once, then carried."""

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class JsonText:
    """Text that is JSON: an encoder has made it, or a parser has accepted it. No later step of this
    process parses it again."""

    text: str


def encode(value: object) -> JsonText:
    """The text of an object that orjson takes; of a str, a JSON string. Raises ValueError."""
    try:
        return JsonText(orjson.dumps(value).decode())
    except orjson.JSONEncodeError as exc:
        raise ValueError(f"the payload is no JSON: {exc}") from exc


def text_of(payload: object) -> JsonText:
    """The payload as JSON text, which is encoded unless it is that already. Raises ValueError."""
    return payload if isinstance(payload, JsonText) else encode(payload)
