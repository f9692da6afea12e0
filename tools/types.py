"""`make types`: the events as TypeScript, `client/src/events.ts`, from the same declarations as the
AsyncAPI document. With `--check` nothing is written, and a file that differs is an error.
"""

import json
import sys
from pathlib import Path
from typing import Any

from app.catalog.wire import ProductView
from app.events import EVENTS, Order
from app.notifications.wire import NotificationView
from ordercast import Wire

FILE = Path(__file__).parent.parent / "client/src/events.ts"
HEAD = "// Made by `make types` from app/events.py: change that.\n"
REF = "{model}"  # a reference is the name of the type
MODELS: tuple[type[Wire], ...] = (Order, *EVENTS, ProductView, NotificationView)
PAYLOADS = """\
/** The payload of each event. A page adds events of its own:
 * `declare module "@ordercast/client" { interface Payloads { "parcel:moved": Parcel } }` */"""
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}


def main(arguments: list[str]) -> int:
    """Write the file, or compare it -> the exit code."""
    text = source()
    if arguments != ["--check"]:
        FILE.write_text(text)
        return 0
    if FILE.exists() and FILE.read_text() == text:
        return 0
    print("client/src/events.ts is not what app/events.py declares: run `make types`")
    return 1


def source() -> str:
    """The whole file."""
    parts = [HEAD, *declarations(), _map(), _names()]
    return "\n".join(parts)


def declarations() -> list[str]:
    """One exported type for each schema; an event like a model that is there is an alias of it."""
    schemas: dict[str, Any] = {}
    for model in MODELS:
        schema = model.model_json_schema(by_alias=True, mode="serialization", ref_template=REF)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    summaries = {event.__name__: event.summary for event in EVENTS}
    written: dict[str, str] = {}  # the type -> the name that it has already
    found = []
    for name, schema in schemas.items():
        body = type_of(schema)
        comment = f"/** {summaries[name]} */\n" if name in summaries else ""
        found.append(f"{comment}export type {name} = {written.get(body, body)};\n")
        written.setdefault(body, name)
    return found


def type_of(schema: dict[str, Any]) -> str:
    """The TypeScript of one JSON schema. Raises ValueError for what no declaration has used yet."""
    match schema:
        case {"$ref": name}:
            return str(name)
        case {"enum": values}:
            return " | ".join(json.dumps(value) for value in values)
        case {"anyOf": kinds}:
            return " | ".join(type_of(kind) for kind in kinds)
        case {"type": "array", "items": item}:
            return f"readonly {type_of(item)}[]"
        case {"type": "object", "properties": properties}:
            fields = [f"  readonly {key}: {type_of(value)};" for key, value in properties.items()]
            return "\n".join(["{", *fields, "}"])
        case {"type": "null"}:
            return "null"
        case {"type": kind} if kind in SCALARS:
            return SCALARS[kind]
        case _:
            raise ValueError(f"no TypeScript for {schema}")


def _map() -> str:
    rows = [f"  {json.dumps(event.event)}: {event.__name__};" for event in EVENTS]
    return "\n".join([PAYLOADS, "export interface Payloads {", *rows, "}\n"])


def _names() -> str:
    names = ", ".join(json.dumps(event.event) for event in EVENTS)
    return f"export const EVENT_NAMES = [{names}] as const satisfies readonly (keyof Payloads)[];\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
