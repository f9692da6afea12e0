"""Schemas as the page at /docs lists them: each field with its type and limits."""

from typing import Any, NamedTuple

Schema = dict[str, Any]
LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} or more characters",
    "maxLength": "at most {} characters",
    "minItems": "{} or more",
    "maxItems": "at most {}",
    "pattern": "like {}",
    "default": "else {}",
}


class Field(NamedTuple):
    name: str
    type: str  # "integer or null", "Order[]"
    required: bool
    limits: str  # "at least 0, at most 100"


def fields(schema: Schema, definitions: dict[str, Schema]) -> list[Field]:
    """The fields of an object, or of the objects in a list."""
    schema = _object(schema, definitions)
    required = schema.get("required", [])
    return [
        Field(name, type_of(inner), name in required, limits_of(inner))
        for name, inner in schema.get("properties", {}).items()
    ]


def type_of(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(type_of(kind) for kind in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"{type_of(schema.get('items', {}))}[]"
    return " or ".join(kind) if isinstance(kind, list) else str(schema.get("format", kind))


def limits_of(schema: Schema) -> str:
    kinds = [schema, *schema.get("anyOf", [])]
    said = [
        LIMITS[key].format(kind[key])
        for kind in kinds
        for key in LIMITS
        if kind.get(key) is not None
    ]
    return ", ".join(said)


def _object(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    return schema
