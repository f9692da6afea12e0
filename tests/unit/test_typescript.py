"""The TypeScript of declared events, of everything that a payload may hold."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, computed_field, create_model
from typing_extensions import TypedDict

from ordercast import Event, Events, Wire, asyncapi_document
from ordercast.errors import Inexpressible
from ordercast.typescript import Types, module
from tests.harness.application.documents import found, references

Item = TypeVar("Item")


class Size(StrEnum):
    SMALL = "s"
    LARGE = "l"


class Mixed(Enum):
    TEXT = "a"
    NUMBER = 1


class Place(Wire):
    street_name: str
    inside: "Place | None" = None


class Van(Wire):
    kind: Literal["van"] = "van"


class Bike(Wire):
    kind: Literal["bike"] = "bike"


class Box(Wire, Generic[Item]):
    item: Item


class Tags(RootModel[list[str]]):
    """A list with a name."""


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    known: int


class Part(TypedDict, total=False):
    weight: int


@dataclass
class Point:
    x: float
    y: float = 0


FIELDS: list[tuple[Any, str]] = [
    (str, "string"),
    (int, "number"),
    (float, "number"),
    (bool, "boolean"),
    (None, "null"),
    (Any, "unknown"),
    (datetime, "string"),
    (date, "string"),
    (UUID, "string"),
    (Decimal, "string"),
    (int | None, "number | null"),
    (list[int], "readonly number[]"),
    (set[int], "readonly number[]"),
    (list[int | None], "readonly (number | null)[]"),
    (list[list[int]], "readonly (readonly number[])[]"),
    (list, "readonly unknown[]"),
    (tuple[int, str], "readonly [number, string]"),
    (tuple[int, ...], "readonly number[]"),
    (dict[str, int], "{ readonly [key: string]: number }"),
    (dict[int, list[str]], "{ readonly [key: string]: readonly string[] }"),
    (dict[Literal["a", "b"], int], '{ readonly [key in "a" | "b"]?: number }'),
    (dict[Size, int], '{ readonly [key in "s" | "l"]?: number }'),
    (dict[Mixed, int], "{ readonly [key: string]: number }"),
    (dict[str, Any], "{ readonly [key: string]: unknown }"),
    (Literal["x"], '"x"'),
    (Literal["x", 1, True, None], '"x" | 1 | true | null'),
    (Size, "Size"),
    (Place, "Place"),
    (Annotated[Place, Field(description="Where it is")], "Place"),
    (Annotated[Van | Bike, Field(discriminator="kind")], "Van | Bike"),
    (Box[int], "Box_int_"),
    (Tags, "Tags"),
    (Point, "Point"),
]


def event(**fields: Any) -> type[Event]:
    """An event `parcel:moved` with these fields."""
    made = create_model("ParcelMoved", __base__=Event, **fields)
    made.event = "parcel:moved"
    return made


@pytest.mark.parametrize(("kind", "text"), FIELDS, ids=lambda one: str(one))
def test_a_field_has_the_type_of_what_is_sent(kind: Any, text: str) -> None:
    assert f"  readonly atHome: {text};\n" in module([event(at_home=(kind, ...))])


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        (Size, 'Size = "s" | "l"'),
        (Mixed, 'Mixed = "a" | 1'),
        (Place, "Place = { readonly streetName: string; readonly inside: Place | null; }"),
        (Van, 'Van = { readonly kind: "van"; }'),
        (Tags, "Tags = readonly string[]"),
        (Box[Place], "Box_Place_ = { readonly item: Place; }"),
        (Part, "Part = { readonly weight?: number; }"),
        (Point, "Point = { readonly x: number; readonly y: number; }"),
        (Open, "Open = { readonly known: number; readonly [key: string]: unknown; }"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_type_that_a_field_refers_to_is_declared(kind: Any, declared: str) -> None:
    text = module([event(one=(kind, ...), another=(list[kind], ...))])
    assert f"export type {declared};" in " ".join(text.split())


def test_the_keys_are_those_on_the_wire() -> None:
    class Weighed(Event):
        event = "parcel:weighed"

        in_grams: int = 0  # sent, whatever its default
        unit: str = Field(alias="unit-name")
        secret: str = Field(default="", exclude=True)

        @computed_field  # type: ignore[prop-decorator]
        @property
        def in_kilos(self) -> float:
            return self.in_grams / 1000

    wire = Weighed.of({"unit-name": "g"}).wire()
    [declared] = Types([Weighed]).declarations()
    assert wire.keys() == {"inGrams", "unit-name", "inKilos"}
    assert declared == (
        "export type Weighed = {\n"
        "  readonly inGrams: number;\n"
        '  readonly "unit-name": string;\n'
        "  readonly inKilos: number;\n"
        "};\n"
    )


def test_the_module_declares_the_payload_of_each_event_to_the_package() -> None:
    class Lost(Event):
        event = "parcel:lost"
        summary = "Nobody knows */ where\n  it is."

    assert module([event(id=(str, ...)), Lost]) == (
        "// Made by `flask ordercast types` from the declared events: change those.\n"
        "\n"
        "export type ParcelMoved = {\n"
        "  readonly id: string;\n"
        "};\n"
        "\n"
        "/** Nobody knows * / where it is. */\n"
        "export type Lost = {\n"
        "};\n"
        "\n"
        'declare module "@ordercast/client" {\n'
        "  interface Payloads {\n"
        '    "parcel:moved": ParcelMoved;\n'
        '    "parcel:lost": Lost;\n'
        "  }\n"
        "}\n"
    )


def test_two_classes_of_one_name_are_two_types() -> None:
    def made(number: int, kind: type) -> type[Event]:
        part = create_model(
            "Part", __base__=Wire, __module__=f"team.part{number}", field=(kind, ...)
        )
        of = create_model(f"Event{number}", __base__=Event, part=(part, ...))
        of.event = f"event:{number}"
        return of

    text = module([made(1, int), made(2, str)])
    assert "team__part1__Part = {\n  readonly field: number;" in text
    assert "team__part2__Part = {\n  readonly field: string;" in text


class Sender(Wire):
    send: Callable[[], int]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Callable[[], int], "parcel:moved: no JSON schema: Cannot generate"),
        (Sender, "parcel:moved: no JSON schema: Cannot generate"),
        (int | Callable[[], int], "parcel:moved: no JSON schema: "),
        (
            Annotated[int, Field(json_schema_extra={"type": "money"})],
            'parcel:moved: atHome: no TypeScript for the JSON schema {"title": "Athome", "type":',
        ),
        (create_model("delete", __base__=Wire), "'delete' cannot be the name of a type"),
    ],
)
def test_what_cannot_be_expressed_is_an_error_that_names_the_event(kind: Any, said: str) -> None:
    with pytest.raises(Inexpressible) as error:
        module([event(at_home=(kind, ...))])
    assert error.value.message.startswith(said)
    assert error.value.code == "inexpressible_event"


def test_a_payload_without_a_schema_is_no_asyncapi_document() -> None:
    with pytest.raises(Inexpressible, match="parcel:moved: no JSON schema"):
        asyncapi_document(Events([event(at_home=(Sender, ...))]), title="Parcels")


def test_the_asyncapi_document_has_the_events_of_any_room_too() -> None:
    class Hello(Event):
        event = "hello"
        audience = "driver"

        sender: Place

    document = asyncapi_document(Events([event(id=(str, ...)), Hello]), title="Parcels")
    assert document["info"]["title"] == "Parcels"
    assert {name: one["address"] for name, one in document["channels"].items()} == {
        "driver": "driver:{id}",
        "any_room": "{room}",
    }
    assert document["channels"]["any_room"]["messages"].keys() == {"ParcelMoved"}
    for reference in set(references(document)):
        assert found(document, reference)
    assert json.loads(json.dumps(document)) == document
