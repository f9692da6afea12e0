"""The JSON schemas of payloads as they are sent, for the AsyncAPI document and the TypeScript
types."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind, models_json_schema
from pydantic_core import core_schema

from ordercast.errors import Inexpressible
from ordercast.events import Event, Wire

Model = type[Wire]
Schema = dict[str, Any]


class Sent(GenerateJsonSchema):
    """Describes what `Wire.wire()` sends: each field is there, whatever its default."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        return field["type"] != "typed-dict-field" or bool(field.get("required", total))

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Raise for a part of a union that would be left out; a default matters to nobody here."""
        if kind == "skipped-choice":
            raise PydanticUserError(detail, code="invalid-for-json-schema")


def schemas_of(
    models: Sequence[Model], *, ref: str
) -> tuple[Mapping[Model, str], dict[str, Schema]]:
    """-> (the name of each model, {name: schema} of these and all that they refer to). `ref` is the
    template of a reference, with `{model}` for the name. Raises Inexpressible."""
    for model in models:
        _generate([model], ref)  # alone, for an error that names it
    found, whole = _generate(models, ref)
    before, after = ref.split("{model}")
    names = {
        model: found[model, "serialization"]["$ref"].removeprefix(before).removesuffix(after)
        for model in models
    }
    return names, whole.get("$defs", {})


def title_of(model: Model) -> str:
    """The name by which an error speaks of a model: an event's own, or the class's."""
    return model.event if issubclass(model, Event) else model.__name__


def _generate(models: Sequence[Model], ref: str) -> tuple[dict[Any, Schema], Schema]:
    try:
        return models_json_schema(
            [(model, "serialization") for model in models],
            by_alias=True,
            ref_template=ref,
            schema_generator=Sent,
        )
    except (PydanticUserError, PydanticSchemaGenerationError) as exc:
        reason = str(exc).partition("\n")[0]
        raise Inexpressible(
            f"{', '.join(map(title_of, models))}: no JSON schema: {reason}"
        ) from exc
