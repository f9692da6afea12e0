"""The declared events as TypeScript, for `@ordercast/client`: `flask ordercast types`."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ordercast.errors import Inexpressible
from ordercast.events import Event
from ordercast.schemas import Model, Schema, schemas_of, title_of

PACKAGE = "@ordercast/client"
HEAD = "// Made by `flask ordercast types` from the declared events: change those.\n"
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}
IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
TAKEN = re.compile(  # names of types: the interface's, TypeScript's own, and JavaScript's words
    "Payloads|any|unknown|never|void|undefined|null|object|string|number|bigint|boolean|symbol"
    "|true|false|case|catch|const|debugger|default|delete|do|enum|export|extends|function|instanceof"
    "|new|super|switch|this|throw|typeof|var"
)


def module(events: Sequence[type[Event]]) -> str:
    """A module that declares the payloads of these events to the package. Raises Inexpressible for
    a payload that TypeScript has no type for."""
    types = Types(events)
    parts = [HEAD, *types.declarations(), f'declare module "{PACKAGE}" {{']
    parts += [f"  {line}" for line in types.interface("Payloads", events).splitlines()]
    return "\n".join([*parts, "}\n"])


class Types:
    """The types of models and of all that they refer to. Raises Inexpressible."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = tuple(models)
        names, schemas = schemas_of(self._models, ref="{model}")
        self._schemas = {_name(key): schema for key, schema in schemas.items()}
        self.names: Mapping[Model, str] = {model: _name(key) for model, key in names.items()}

    def declarations(self) -> list[str]:
        """An exported type for each schema, after those that it refers to. An event that has the
        fields of a model that it inherits from is an alias of it."""
        written: dict[str, str] = {}  # name: its type
        for model in self._models:
            try:
                for name in self._needed(self.names[model]):
                    written.setdefault(name, self._type(self._schemas[name]))
            except Inexpressible as exc:
                raise Inexpressible(f"{title_of(model)}: {exc.message}") from exc
        for model in self._models:
            for base in model.__mro__[1:]:
                other = self.names.get(base)
                if other is not None and written[other] == written[self.names[model]]:
                    written[self.names[model]] = other
        comments = {self.names[model]: _comment(model) for model in self._models}
        return [
            f"{comments.get(name, '')}export type {name} = {text};\n"
            for name, text in written.items()
        ]

    def interface(self, name: str, events: Iterable[type[Event]]) -> str:
        """The interface {event's name: payload}."""
        rows = [f"  {json.dumps(event.event)}: {self.names[event]};" for event in events]
        return "\n".join([f"interface {name} {{", *rows, "}"])

    def _needed(self, name: str) -> Iterable[str]:
        """The names that a type refers to, first those that refer to no others; itself the last."""
        order: dict[str, None] = {}
        entered: set[str] = set()  # a model may refer to itself

        def enter(name: str) -> None:
            if name not in entered:
                entered.add(name)
                for other in _references(self._schemas[name]):
                    enter(other)
                order[name] = None

        enter(name)
        return order

    def _type(self, schema: Schema) -> str:
        match schema:
            case {"$ref": name}:
                return _name(name)
            case {"const": value}:
                return _literal(value)
            case {"enum": values}:
                return " | ".join(map(_literal, values))
            case {"anyOf": kinds} | {"oneOf": kinds} | {"type": [*kinds]}:
                several = [kind if isinstance(kind, dict) else {"type": kind} for kind in kinds]
                return " | ".join(dict.fromkeys(map(self._type, several)))
            case {"allOf": [kind]}:
                return self._type(kind)
            case {"type": "array"}:
                return self._array(schema)
            case {"type": "object", "properties": properties}:
                return self._object(schema, properties)
            case {"type": "object"}:
                return self._map(schema)
            case {"type": "null"}:
                return "null"
            case {"type": str(kind)} if kind in SCALARS:
                return SCALARS[kind]
            case _ if schema.keys() <= ANNOTATIONS:
                return "unknown"
            case _:
                raise Inexpressible(f"no TypeScript for the JSON schema {json.dumps(schema)}")

    def _array(self, schema: Schema) -> str:
        rest = schema.get("items", {})
        if "prefixItems" not in schema:
            return f"readonly {_inside(self._type(rest))}[]"
        items = [self._type(item) for item in schema["prefixItems"]]
        if schema.get("maxItems") != len(items):
            items.append(f"...{_inside(self._type(rest))}[]")
        return f"readonly [{', '.join(items)}]"

    def _object(self, schema: Schema, properties: dict[str, Schema]) -> str:
        required = schema.get("required", ())
        fields = []
        for key, value in properties.items():
            name = key if IDENTIFIER.fullmatch(key) else json.dumps(key)
            optional = "" if key in required else "?"
            try:
                fields.append(f"  readonly {name}{optional}: {self._type(value)};")
            except Inexpressible as exc:
                raise Inexpressible(f"{key}: {exc.message}") from exc
        if schema.get("additionalProperties"):
            fields.append("  readonly [key: string]: unknown;")
        return "\n".join(["{", *fields, "}"])

    def _map(self, schema: Schema) -> str:
        """A mapping: of any texts, or of some (`dict[Literal["a", "b"], int]`)."""
        values = [schema["additionalProperties"]] if "additionalProperties" in schema else []
        values += schema.get("patternProperties", {}).values()
        kinds = dict.fromkeys("unknown" if one is True else self._type(one) for one in values)
        text = " | ".join(kinds) or "unknown"
        keys = schema.get("propertyNames", {})
        if "$ref" in keys:
            keys = self._schemas[_name(keys["$ref"])]
        if (names := keys.get("enum")) and all(isinstance(name, str) for name in names):
            return f"{{ readonly [key in {self._type(keys)}]?: {text} }}"
        return f"{{ readonly [key: string]: {text} }}"


# Keys of a schema that do not limit its values: alone, any value fits.
ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
)


def _references(schema: Any) -> Iterator[str]:
    """The names that a schema refers to."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield _name(value)
            elif key not in ("default", "examples", "discriminator"):
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _name(key: str) -> str:
    """The name of a type. Raises Inexpressible for a name that is taken."""
    name = re.sub(r"\W", "_", key)
    if TAKEN.fullmatch(name):
        raise Inexpressible(f"{name!r} cannot be the name of a type: rename the class")
    return name


def _literal(value: object) -> str:
    if value is None or isinstance(value, bool | int | float | str):
        return json.dumps(value)
    raise Inexpressible(f"no TypeScript for the value {value!r}")


def _inside(text: str) -> str:
    """The type of an element, in parentheses where `[]` would bind to a part of it."""
    return f"({text})" if " | " in text or text.startswith("readonly ") else text


def _comment(model: Model) -> str:
    summary = model.summary if issubclass(model, Event) else ""
    return f"/** {' '.join(summary.split()).replace('*/', '* /')} */\n" if summary else ""
