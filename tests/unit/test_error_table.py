"""Every error that a service may raise has a code, and a status on HTTP."""

import importlib
import pkgutil
import re

import pytest

import app
from app.errors import OrdercastError
from app.http.errors import STATUS

CODE = re.compile(r"[a-z]+(_[a-z]+)*")


def every_error() -> list[type[OrdercastError]]:
    """The errors of all of app/ that can be raised: the roots, without a code, are for catching."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        importlib.import_module(module.name)
    waiting, found = [OrdercastError], set()
    while waiting:
        below = waiting.pop().__subclasses__()
        found |= {error for error in below if error.__module__.startswith("app.")}
        waiting += below
    return sorted(
        (error for error in found if "code" in vars(error)), key=lambda error: error.__qualname__
    )


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.__qualname__)
def test_an_error_has_a_status_that_is_an_error_and_a_code_in_words(
    error: type[OrdercastError],
) -> None:
    assert 400 <= STATUS[error] < 500 or STATUS[error] == 503  # the caller's fault, or too much
    assert CODE.fullmatch(error.code)


def test_the_table_has_no_error_that_is_none_of_ours() -> None:
    assert set(STATUS) == set(every_error())


def test_one_code_has_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for error, status in STATUS.items():
        statuses.setdefault(error.code, set()).add(status)
    assert [code for code, found in statuses.items() if len(found) > 1] == []


def test_an_error_keeps_its_message_and_details() -> None:
    error = OrdercastError("It broke.", {"what": "it"})
    assert (str(error), error.message, error.details) == ("It broke.", "It broke.", {"what": "it"})
