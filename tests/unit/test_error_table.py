"""Every error has a code, and a status on HTTP or a line in docs/protocol.md."""

import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import app
import ordercast
from app import errors as marketplace
from app.http.errors import STATUS
from ordercast import errors as library
from ordercast.errors import (
    AuthenticationRequired,
    InboxUnavailable,
    KeysUnavailable,
    LedgerUnavailable,
    OrdercastError,
    Refuse,
    SocketError,
    TokenError,
    TokenExpired,
    TokenInvalid,
    TokenRevoked,
)

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
OVER_HTTP = {  # of the library's
    AuthenticationRequired,
    InboxUnavailable,
    KeysUnavailable,
    LedgerUnavailable,
    TokenInvalid,
    TokenExpired,
    TokenRevoked,
}


for _module in pkgutil.walk_packages(app.__path__, "app."):
    importlib.import_module(_module.name)


def every_error(package: ModuleType) -> list[type[OrdercastError]]:
    """The errors of a package, the roots among them."""
    waiting: list[type[OrdercastError]] = [OrdercastError]
    found: set[type[OrdercastError]] = set()
    while waiting:
        below = waiting.pop().__subclasses__()
        waiting += below
        found |= {error for error in below if error.__module__.startswith(f"{package.__name__}.")}
    return sorted(found, key=lambda error: error.__qualname__)


def raised(package: ModuleType) -> list[type[OrdercastError]]:
    """Those with a code: the roots, without one, are for catching."""
    return [error for error in every_error(package) if hasattr(error, "code")]


@pytest.mark.parametrize("error", raised(app), ids=lambda error: error.__qualname__)
def test_an_error_has_a_status_that_is_an_error_and_a_code_in_words(
    error: type[OrdercastError],
) -> None:
    assert 400 <= STATUS[error] < 500 or STATUS[error] == 503  # the caller's fault, or too much
    assert CODE.fullmatch(error.code)


def test_the_table_has_no_error_that_no_view_can_raise() -> None:
    assert set(STATUS) == {*raised(app), *OVER_HTTP}


def test_one_code_has_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for error, status in STATUS.items():
        statuses.setdefault(error.code, set()).add(status)
    assert [code for code, found in statuses.items() if len(found) > 1] == []


def test_a_code_of_the_library_stands_in_one_place() -> None:
    codes = [error.code for error in raised(ordercast) if "code" in vars(error)]
    assert len(codes) == len(set(codes))
    assert all(map(CODE.fullmatch, codes))


def drawn(module: ModuleType) -> list[list[str]]:
    """The words of each line of the tree in the module's docstring."""
    lines = (module.__doc__ or "").splitlines()
    return [line.split() for line in lines if line.startswith("    ")]


def test_the_tree_of_the_library_is_the_one_that_is_drawn() -> None:
    own = [error for error in every_error(ordercast) if error.__module__ == library.__name__]
    tree = {words[0]: words[1:2] for words in drawn(library)}
    assert tree.keys() == {"OrdercastError", *(error.__name__ for error in own)}
    for error in own:
        written = vars(error).get("code")
        assert tree[error.__name__] == ([] if written is None else [written]), error


def test_the_tree_of_the_marketplace_draws_each_of_its_roots_and_where_it_is() -> None:
    tree = {words[0]: words[-1] for words in drawn(marketplace)}
    parents = {marketplace.MarketplaceError, *every_error(ordercast)}
    roots = [error for error in every_error(app) if error.__base__ in parents]
    assert roots
    for root in roots:
        assert tree[root.__name__] == f"{root.__module__.replace('.', '/')}.py"


def test_every_code_that_a_socket_can_meet_is_in_the_protocol() -> None:
    text = (ROOT / "docs/protocol.md").read_text()
    told = {error.code for error in raised(ordercast) if issubclass(error, SocketError)}
    # The one has a message and no code on the wire; the other is what other services refuse with.
    for code in told - {AuthenticationRequired.code, Refuse.code}:
        assert f"`{code}`" in text, code
    assert AuthenticationRequired().told in text


def test_every_code_of_a_token_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert all(f"`{e.code}`" in text for e in raised(ordercast) if issubclass(e, TokenError))


def test_an_error_keeps_its_message_and_details() -> None:
    error = OrdercastError("It broke.", {"what": "it"})
    assert (str(error), error.message, error.details) == ("It broke.", "It broke.", {"what": "it"})


def test_a_refusal_has_the_code_that_it_is_given_and_no_other_takes_it() -> None:
    own = Refuse("No such shop", code="unknown_shop")
    assert (own.told, own.data, own.reason) == (
        "No such shop",
        {"code": "unknown_shop"},
        "No such shop",
    )
    assert Refuse("Not today").data == {"code": "refused"}


def test_why_a_token_was_refused_is_for_the_log_and_not_for_its_client() -> None:
    error = TokenInvalid("its sub is no text")
    assert error.reason == "its sub is no text"
    assert (error.told, error.data) == ("Invalid token", {"code": "token_invalid"})
    assert "sub" not in error.message
