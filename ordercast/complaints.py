"""Pydantic's validation errors, in words for the person or program that sent the value.

Every error of pydantic's passes here before it reaches an answer, an error of an event, a refused
inbox entry or a command's output.
"""

from collections.abc import Iterator
from itertools import islice

from pydantic import ValidationError

MAX_COMPLAINTS = 20  # wrong values that one error lists


def complaints_of(cause: ValidationError) -> list[dict[str, str]]:
    """-> [{path, message}], one for each wrong value, at most MAX_COMPLAINTS; the values
    themselves are never repeated."""
    return list(islice(_each(cause), MAX_COMPLAINTS))


def sentence_of(cause: ValidationError, whole: str) -> str:
    """All complaints on one line; `whole` is the name of the value itself, which has no path."""
    found = complaints_of(cause)
    return "; ".join(f"{item['path'] or whole}: {item['message']}" for item in found)


def _each(cause: ValidationError) -> Iterator[dict[str, str]]:
    for error in cause.errors(include_url=False, include_context=False, include_input=False):
        yield {"path": ".".join(map(str, error["loc"])), "message": plain_words(error["msg"])}


def plain_words(message: str) -> str:
    """A message of pydantic's, without the kind of exception that a validator raised."""
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
