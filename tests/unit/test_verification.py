"""The library verifies tokens by its settings alone: no Flask, no roles, no database."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ordercast.errors import AuthenticationRequired, TokenExpired, TokenInvalid
from ordercast.settings import Settings
from ordercast.tokens import MAX_VERIFIED_TOKENS, Tokens
from tests.harness.people.keys import claims, public_pem
from tests.harness.processes.process import SECRET

SHARED = Tokens(Settings(JWT_SECRET_KEY=SECRET))


def signed(**changes: Any) -> str:
    """A token of a team without roles; a change to None leaves a claim out."""
    return jwt.encode(claims(role=None, **changes), SECRET, "HS256")


def test_a_token_proves_a_user_with_the_room_and_the_claims_that_it_names() -> None:
    alice = SHARED.read(signed(tenant="north", session="s"))
    assert (alice.user_id, list(alice.rooms)) == ("7", ["user:7"])
    assert alice.claims["tenant"] == "north"
    assert (alice.session, alice.jti, alice.is_local) == ("s", "j", False)
    assert alice.expires_at is not None
    assert alice.expires_at > time.time()


def test_a_token_that_the_service_issued_itself_has_its_own_clock() -> None:
    assert SHARED.read(signed(iss="ordercast")).is_local


def test_a_connect_brings_the_token_in_its_auth() -> None:
    assert SHARED.identify({"token": signed()}, {}).user_id == "7"
    nothings: list[Any] = [None, "text", [], {}, {"token": None}, {"token": ""}]
    for nothing in nothings:
        with pytest.raises(AuthenticationRequired):
            SHARED.identify(nothing, {})


@pytest.mark.parametrize("kind", ["access", None])
def test_an_expired_token_is_only_read_where_that_is_asked_for(kind: Any) -> None:
    old = signed(exp=int(time.time()) - 1)
    with pytest.raises(TokenExpired):
        SHARED.read(old, kind)
    assert SHARED.read(old, kind, allow_expired=True).user_id == "7"


def test_a_refresh_token_is_no_access_token_and_the_reverse() -> None:
    refresh = signed(type="refresh")
    with pytest.raises(TokenInvalid):
        SHARED.read(refresh)
    with pytest.raises(TokenInvalid):
        SHARED.read(signed(), "refresh")
    assert SHARED.read(refresh, "refresh").jti == SHARED.read(refresh, None).jti == "j"


def test_with_a_public_key_only_its_owners_tokens_are_good_and_none_is_issued_here() -> None:
    theirs = public_pem(ec.generate_private_key(ec.SECP256R1()))
    tokens = Tokens(Settings(JWT_SECRET_KEY=SECRET, JWT_PUBLIC_KEY=theirs))
    assert (tokens.algorithms, tokens.signs_here) == (["ES256"], False)
    with pytest.raises(TokenInvalid) as caught:
        tokens.read(signed())
    assert caught.value.reason == "its algorithm 'HS256' is none of ES256"


def test_without_any_key_no_token_is_good() -> None:
    tokens = Tokens(Settings())
    assert tokens.algorithms == []
    with pytest.raises(TokenInvalid):
        tokens.read(signed())


def test_a_token_is_verified_alike_the_second_time() -> None:
    tokens = Tokens(Settings(JWT_SECRET_KEY=SECRET))
    token = signed()
    assert tokens.read(token) == tokens.read(token)
    assert tokens.read(token).claims is not tokens.read(token).claims
    head, payload, signature = token.split(".")
    forged = f"{head}.{payload}.{signature[::-1]}"
    for _ in range(2):
        with pytest.raises(TokenInvalid):
            tokens.read(forged)
    ended = signed(exp=int(time.time()) - 1)
    assert tokens.read(ended, allow_expired=True).user_id == "7"
    with pytest.raises(TokenExpired):
        tokens.read(ended)


def test_the_tokens_that_were_verified_are_bounded() -> None:
    tokens = Tokens(Settings(JWT_SECRET_KEY=SECRET))
    for number in range(MAX_VERIFIED_TOKENS + 2):
        tokens.read(signed(jti=str(number)))
    assert len(tokens._verified) == MAX_VERIFIED_TOKENS
    assert tokens.read(signed(jti="0")).jti == "0"
