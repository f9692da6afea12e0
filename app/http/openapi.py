"""The OpenAPI 3.1 document, made from the declared operations."""

import re
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.http.errors import (
    STATUS,
    Forbidden,
    InvalidIdempotencyKey,
    MalformedJson,
    UnsupportedMediaType,
    ValidationFailed,
)
from app.http.examples import example_of
from app.http.idempotency import KeyReused
from app.http.operation import ANY_USER, IDEMPOTENCY_KEY, MAX_KEY_CHARACTERS, OFFSET, Operation
from ordercast import (
    AuthenticationRequired,
    KeysUnavailable,
    OrdercastError,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
)

TOKEN_ERRORS = (  # of every operation that needs a token
    AuthenticationRequired,
    TokenInvalid,
    TokenExpired,
    TokenRevoked,
    KeysUnavailable,
)
REF = "#/components/schemas/{model}"
JSON = "application/json"
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": {},
            },
        }
    },
}


def operations(app: Flask) -> list[tuple[str, str, Operation]]:
    """Every declared operation of the app: (method, path with {braces}, operation)."""
    found = []
    for rule in app.url_map.iter_rules():
        declared = getattr(app.view_functions[rule.endpoint], "operation", None)
        if declared is not None:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            found += [(method.lower(), path, declared) for method in methods]
    return sorted(found, key=lambda item: (item[1], item[0]))


def document(app: Flask) -> dict[str, Any]:
    """The document for this app, `GET /api/openapi.json`."""
    declared = operations(app)
    schemas = _schemas([operation for _, _, operation in declared])
    paths: dict[str, dict[str, Any]] = {}
    for method, path, operation in declared:
        paths.setdefault(path, {})[method] = _operation(method, path, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ordercast", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": ERROR},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _schemas(declared: list[Operation]) -> dict[str, Any]:
    models: set[tuple[type[BaseModel], Any]] = set()
    for operation in declared:
        if operation.body:
            models.add((operation.body, "validation"))
        if operation.answer:
            models.add((operation.answer, "serialization"))
    ordered = sorted(models, key=lambda pair: pair[0].__name__)
    _, document = models_json_schema(ordered, ref_template=REF)
    definitions: dict[str, Any] = document["$defs"]
    return definitions


def _operation(
    method: str, path: str, operation: Operation, schemas: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.group],
        "summary": operation.summary,
        "security": [] if operation.public else [{"bearer": []}],
        "parameters": _parameters(path, operation),
        "responses": _responses(method, operation, schemas),
    }
    if operation.public:
        described["description"] = f"No access token: {operation.public}."
    elif operation.roles != ANY_USER:
        described["description"] = f"Roles: {', '.join(sorted(operation.roles))}."
    if operation.body:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": {JSON: _with_example(_reference(operation.body), schemas)},
        }
    return described


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": REF.format(model=model.__name__)}


def _with_example(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {"schema": schema, "example": example_of(schema, schemas)}


def _parameters(path: str, operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "example": "12",
        }
        for name in re.findall(r"{(\w+)}", path)
    ]
    if operation.query:
        schema = operation.query.model_json_schema(ref_template=REF)
        definitions = schema.get("$defs", {})
        for name, described in schema["properties"].items():
            required = name in schema.get("required", [])
            inline = _inline(described, definitions)
            parameter = {"name": name, "in": "query", "required": required, "schema": inline}
            if (example := example_of(inline, definitions, name)) is not None:
                parameter["example"] = example
            if _is_list(inline):
                parameter |= {"style": "form", "explode": False}  # a,b
            parameters.append(parameter)
    if operation.idempotent:
        schema = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS}
        parameters.append(
            {"name": IDEMPOTENCY_KEY, "in": "header", "schema": schema, "example": "a5f0c1"}
        )
    return parameters


def _is_list(schema: dict[str, Any]) -> bool:
    return any(one.get("type") == "array" for one in [schema, *schema.get("anyOf", [])])


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with its references replaced: a parameter cannot hold definitions."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inline(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
        return {key: _inline(value, definitions) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inline(item, definitions) for item in schema]
    return schema


def _responses(method: str, operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Success."}
    if operation.media_type != JSON:
        success["content"] = {
            operation.media_type: {"schema": {"type": "string", "format": "binary"}}
        }
    if operation.answer:
        schema = _reference(operation.answer)
        if operation.many:
            properties: dict[str, Any] = {
                operation.many: {"type": "array", "items": schema},
                "nextCursor": {"type": ["string", "null"]},
            }
            if operation.counted:
                properties["total"] = {"type": "integer"}
            schema = {"type": "object", "required": [*properties], "properties": properties}
        success["content"] = {JSON: _with_example(schema, schemas)}
    if method == "get" and operation.public is None:
        success["headers"] = {
            OFFSET: {
                "description": "The journal position read before the data: listen from it.",
                "schema": {"type": "string"},
            }
        }
    by_status: dict[int, set[str]] = {}
    for error in possible_errors(operation):
        by_status.setdefault(STATUS[error], set()).add(error.code)
    responses = {str(operation.status): success}
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = {
            "description": ", ".join(sorted(codes)),
            "content": {
                JSON: {
                    "schema": {"$ref": REF.format(model="Error")},
                    "examples": {code: {"value": _error(code)} for code in sorted(codes)},
                }
            },
        }
    return responses


def _error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "What went wrong, for a person."}}


def possible_errors(operation: Operation) -> list[type[OrdercastError]]:
    """The errors that the operation declares, and those that the decorator raises for it."""
    errors = list(operation.errors)
    if operation.public is None:
        errors += TOKEN_ERRORS
        if operation.roles != ANY_USER:
            errors.append(Forbidden)
    if operation.body:
        errors += [MalformedJson, UnsupportedMediaType]
    if operation.body or operation.query:
        errors.append(ValidationFailed)
    if operation.idempotent:
        errors += [InvalidIdempotencyKey, KeyReused]
    return errors
