"""Examples of what the API takes and gives, made from the schemas: each fits its own."""

from typing import Any

Schema = dict[str, Any]

# By the name of the property, where a type alone would make a poor example.
VALUES: dict[str, Any] = {
    "accessToken": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.signature",
    "refreshToken": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.signature",
    "createdAt": "2026-01-02T10:00:00Z",
    "updatedAt": "2026-01-02T10:05:00Z",
    "expiresAt": "2026-01-02T10:30:00Z",
    "currency": "EUR",
    "current": "the password of before",
    "cursor": None,
    "data": {"id": "12", "orderNumber": "OC-00000012", "status": "confirmed"},
    "delta": 10,
    "email": "alice@example.com",
    "expiresIn": 900,
    "lowStockThreshold": 5,
    "new": "correct horse battery staple",
    "nextCursor": None,
    "message": "Your parcel is on its way.",
    "name": "Sencha, 100 g",
    "offset": "4711",
    "orderNumber": "OC-00000012",
    "password": "correct horse battery staple",
    "pictureUrl": "/api/products/3/picture?v=1f0c",
    "priceCents": 1250,
    "quantity": 2,
    "stock": 40,
    "title": "Shipped",
    "totalCents": 2500,
    "type": "info",
    "unitPriceCents": 1250,
    "version": 2,
}
NAMES = {"user": "Alice", "seller": "Bob", "by": "Bob"}  # of the person in this place
MOMENT = "2026-01-02T10:05:00Z"
OPTIONAL = {
    "delta",
    "priceCents",
    "refreshToken",
    "version",
}  # shown, although they may be left out


def example_of(schema: Schema, definitions: dict[str, Schema], name: str = "") -> Any:
    """A value that fits the schema. `name`: of the property that holds it."""
    if "$ref" in schema:
        return example_of(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions, name)
    if "anyOf" in schema:
        kinds = [kind for kind in schema["anyOf"] if kind.get("type") != "null"]
        return VALUES.get(name) if name in VALUES else example_of(kinds[0], definitions, name)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" if "properties" in schema:
            return _object(schema, definitions, name)
        case "array":
            return [example_of(schema["items"], definitions, name)]
    if name in VALUES:
        return VALUES[name]
    match schema.get("type"):
        case "integer":
            return max(schema.get("minimum", 1), 1)
        case "number":
            return 0.5
        case "boolean":
            return schema.get("default", True)
        case "string":
            return MOMENT if schema.get("format") == "date-time" else "7"
    return {}


def _object(schema: Schema, definitions: dict[str, Schema], place: str) -> Schema:
    required = schema.get("required", [])
    made = {
        name: example_of(inner, definitions, name)
        for name, inner in schema["properties"].items()
        if name in required or name in OPTIONAL or inner.get("default", ...) is not None
    }
    if "delta" in made:  # or stock, and not both
        made.pop("stock", None)
    if "name" in made and place in NAMES:
        made["name"] = NAMES[place]
    return made
