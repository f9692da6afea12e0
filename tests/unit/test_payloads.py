"""A payload is JSON text: made, or checked, once."""

from typing import Any

import orjson
import pytest

from ordercast.payloads import JsonText, encode, text_of


@pytest.mark.parametrize("payload", [None, {"a": [1, 2.5, "\u00fc"]}, [], 5, True])
def test_an_object_is_encoded(payload: Any) -> None:
    assert text_of(payload) == encode(payload)
    assert orjson.loads(text_of(payload).text) == payload


@pytest.mark.parametrize("given", ['{ "a" :1}', "null", '"text"', "[]"])
def test_a_text_is_checked_and_stays_as_it_is(given: str) -> None:
    assert text_of(given) == JsonText(given)
    assert encode(given).text == orjson.dumps(given).decode()


@pytest.mark.parametrize("given", ["", "{", "text", "NaN", "[1] [2]", '"\\ud800"', {1, 2}, b"{}"])
def test_what_is_no_json_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="the payload is no JSON"):
        text_of(given)


def test_a_text_that_was_checked_is_carried() -> None:
    text = text_of("[1]")
    assert text_of(text) is text
