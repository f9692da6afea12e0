"""The identity of a connection: what a service may say of its user, and what a revocation reads."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from ordercast.identity import Identity, TokenIdentity, rooms_digest


def test_an_identity_is_a_user_without_rooms_claims_or_end() -> None:
    alice = Identity("7")
    assert (alice.rooms, alice.expires_at, dict(alice.claims)) == ((), None, {})
    assert (alice.session, alice.jti, alice.issued_at, alice.is_local) == (None, None, 0, False)


def test_what_a_revocation_compares_is_read_from_the_claims() -> None:
    alice = Identity("7", claims={"session": "s", "jti": "j", "iat": 12.9, "role": "seller"})
    assert (alice.session, alice.jti, alice.issued_at) == ("s", "j", 12)


@pytest.mark.parametrize("claims", [{"session": 7, "jti": [], "iat": "soon"}, {}])
def test_claims_of_another_kind_are_no_tokens(claims: dict[str, Any]) -> None:
    alice = Identity("7", claims=claims)
    assert (alice.session, alice.jti, alice.issued_at) == (None, None, 0)


def test_what_a_token_proved_does_not_depend_on_the_claims_that_are_kept() -> None:
    alice = TokenIdentity("7", claims={"role": "admin"}, session="s", jti="j", issued_at=12)
    assert (alice.session, alice.jti, alice.issued_at) == ("s", "j", 12)


@pytest.mark.parametrize("key", [7, UUID(int=7), "7"])
def test_the_primary_key_of_a_user_is_its_text(key: Any) -> None:
    assert Identity(key).user_id == str(key)


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": None},
        {"user_id": True},
        {"user_id": 7.5},
        {"user_id": "7", "rooms": "user:7"},
        {"user_id": "7", "expires_at": datetime(2027, 1, 1, tzinfo=UTC)},
    ],
)
def test_what_would_never_be_found_again_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"text|seconds"):
        Identity(**wrong)


def test_the_same_rooms_in_any_order_have_one_digest_and_others_another() -> None:
    assert rooms_digest(["user:7", "seller:7"]) == rooms_digest(("seller:7", "user:7"))
    assert rooms_digest(["user:7"]) != rooms_digest(["user:7", "seller:7"]) != rooms_digest([])


def test_claims_are_in_no_log_line() -> None:
    assert "secret" not in repr(Identity("7", claims={"note": "secret"}))
