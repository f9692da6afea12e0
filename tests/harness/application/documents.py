"""OpenAPI and AsyncAPI documents, held against what is really sent."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.test import TestResponse

Document = dict[str, Any]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
    for inner in node.values() if isinstance(node, dict) else node if type(node) is list else ():
        yield from references(inner)


def found(document: Document, pointer: str) -> Any:
    """What a reference `#/a/b` points to. Raises KeyError."""
    for key in pointer.removeprefix("#/").split("/"):
        document = document[key]
    return document


def check(document: Document, schema: Document, value: Any) -> None:
    """The value is what the schema says, and an object has no key that it does not name."""
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(value)
    _check_keys(document, schema, value)


def _check_keys(document: Document, schema: Document, value: Any) -> None:
    if "$ref" in schema:
        _check_keys(document, found(document, schema["$ref"]), value)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            parts = schema.get("prefixItems")
            _check_keys(document, parts[number] if parts else schema.get("items", {}), item)
    elif isinstance(value, dict) and "properties" in schema:
        assert value.keys() <= schema["properties"].keys()
        for key, inner in value.items():
            _check_keys(document, schema["properties"][key], inner)


def check_answer(document: Document, method: str, path: str, answer: TestResponse) -> None:
    """An answer of the API is one that the document declares, and fits it."""
    declared = document["paths"][path][method]["responses"][str(answer.status_code)]
    for name in declared.get("headers", {}):
        assert name in answer.headers
    if "content" in declared:
        check(document, declared["content"][answer.mimetype]["schema"], answer.get_json())
    else:
        assert answer.data == b""
