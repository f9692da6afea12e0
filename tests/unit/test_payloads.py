"""A payload is JSON text: made, or checked, once."""

from typing import Any

import orjson
import pytest

from ordercast.payloads import JsonText, encode, text_of


@pytest.mark.parametrize("payload", [None, {"a": [1, 2.5, "\u00fc"]}, [], 5, True, "", "{", "5"])
def test_an_object_is_encoded(payload: Any) -> None:
    assert text_of(payload) == encode(payload)
    assert orjson.loads(text_of(payload).text) == payload


@pytest.mark.parametrize("given", ["half an emoji: \ud83d", {1, 2}, b"{}", {1: object()}])
def test_what_is_no_json_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="the payload is no JSON"):
        text_of(given)


def test_a_text_that_was_checked_is_carried() -> None:
    text = JsonText("[1]")
    assert text_of(text) is text
