"""The key set of another issuer: read once for everybody, kept through outages, read again for a
key that is not known."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import jwt
import pytest

from ordercast.errors import KeysUnavailable, TokenInvalid
from ordercast.key_set import (
    AGAIN_SECONDS,
    FRESH_SECONDS,
    MAX_BYTES,
    RETRY_SECONDS,
    UNKNOWN_SECONDS,
    UNUSED_SECONDS,
    KeySet,
)
from ordercast.settings import Settings
from ordercast.tokens import Tokens
from tests.harness.processes.process import SECRET
from tests.harness.servers.issuer import Issuer, foreign, issuer, jwk, new_key
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def there() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(there: Issuer, clock: Clock) -> KeySet:
    return KeySet(there.url, clock=clock)


def at_once(
    calls: list[Callable[[], Any]], *, meanwhile: Callable[[], None] = lambda: None
) -> list[Any]:
    """The results of the calls, each in a thread of its own; an error is a result too."""
    results: list[Any] = []

    def run(call: Callable[[], Any]) -> None:
        try:
            results.append(call())
        except (TokenInvalid, KeysUnavailable) as exc:
            results.append(exc)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    meanwhile()
    for thread in threads:
        thread.join(20)
    return results


def rotate(there: Issuer, kid: str) -> None:
    there.keys = {kid: new_key()}


def test_the_keys_are_read_once_for_all_tokens(there: Issuer) -> None:
    tokens = Tokens(Settings(JWT_JWKS_URL=there.url))
    for _ in range(20):
        assert tokens.read(there.token(foreign(), "one")).user_id == "u-7"
    assert there.asked == 1


def test_those_who_come_during_the_first_reading_share_it(there: Issuer, keys: KeySet) -> None:
    def speak() -> None:
        wait_until(lambda: there.asked, "the issuer is asked")
        there.speaks.set()

    there.speaks.clear()
    found = at_once([lambda: keys.find("one", "ES256")] * 20, meanwhile=speak)
    assert [key.kid for key in found] == ["one"] * 20
    assert there.asked == 1


def test_a_process_reads_them_when_it_starts(there: Issuer) -> None:
    tokens = Tokens(Settings(JWT_JWKS_URL=there.url))
    tokens.start()
    wait_until(lambda: there.asked, "the issuer is asked")
    tokens.read(there.token(foreign(), "one"))
    tokens.start()
    assert there.asked == 1


def test_a_new_key_is_found_at_once_and_the_next_unknown_ones_wait(
    there: Issuer, keys: KeySet, clock: Clock
) -> None:
    keys.find("one", "ES256")
    rotate(there, "two")
    assert keys.find("two", "ES256").kid == "two"
    assert there.asked == 2
    rotate(there, "three")
    for _ in range(5):
        with pytest.raises(TokenInvalid) as caught:
            keys.find("three", "ES256")
    assert there.asked == 2
    said = "its key (kid) 'three' is none of JWT_JWKS_URL, as read 0 s ago"
    assert caught.value.reason == said
    clock.now += UNKNOWN_SECONDS
    assert keys.find("three", "ES256").kid == "three"
    assert there.asked == 3


def test_many_unknown_kids_at_once_are_one_reading(there: Issuer, keys: KeySet) -> None:
    keys.find("one", "ES256")
    kids = [f"made up {number}" for number in range(20)]
    found = at_once([lambda kid=kid: keys.find(kid, "ES256") for kid in kids])  # type: ignore[misc]
    assert [type(error) for error in found] == [TokenInvalid] * 20
    assert there.asked == 2


def test_a_key_that_is_not_fresh_is_used_while_the_set_is_read_again(
    there: Issuer, keys: KeySet, clock: Clock
) -> None:
    keys.find("one", "ES256")
    clock.now += FRESH_SECONDS + 1
    there.speaks.clear()
    for _ in range(10):
        assert keys.find("one", "ES256").kid == "one"
    wait_until(lambda: there.asked == 2, "the issuer is asked again")
    there.speaks.set()


def test_a_key_that_is_withdrawn_is_refused_once_the_set_is_read_again(
    there: Issuer, keys: KeySet, clock: Clock
) -> None:
    keys.find("one", "ES256")
    rotate(there, "two")
    clock.now += FRESH_SECONDS + 1
    keys.find("one", "ES256")

    def is_refused() -> bool:
        try:
            keys.find("one", "ES256")
        except TokenInvalid:
            return True
        return False

    wait_until(is_refused, "the key is gone")


def test_after_a_night_without_a_token_the_set_is_read_before_the_answer(
    there: Issuer, keys: KeySet, clock: Clock
) -> None:
    keys.find("one", "ES256")
    rotate(there, "two")
    clock.now += UNUSED_SECONDS + 1
    with pytest.raises(TokenInvalid):
        keys.find("one", "ES256")


def test_the_last_good_set_outlives_an_outage_and_an_unknown_key_is_refused_with_the_reason(
    there: Issuer, keys: KeySet, clock: Clock
) -> None:
    keys.find("one", "ES256")
    there.status = 500
    clock.now += FRESH_SECONDS + 1
    for number in range(2, 5):
        assert keys.find("one", "ES256").kid == "one"
        wait_until(lambda number=number: there.asked == number, "it is asked again")  # type: ignore[misc]
        clock.now += AGAIN_SECONDS
    with pytest.raises(TokenInvalid) as caught:
        keys.find("two", "ES256")
    assert caught.value.reason.endswith("; reading it again failed: HTTP 500: no document")
    assert keys.find("one", "ES256").kid == "one"
    there.status = 200
    there.keys["two"] = new_key()
    clock.now += UNKNOWN_SECONDS
    assert keys.find("two", "ES256").kid == "two"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"", "HTTP 404: no document"),
        (302, b"", "HTTP 302: a redirect, which is not followed"),
        (200, b"<html>", "it is no JSON"),
        (200, b"[" * 100_000, "it is no JSON"),
        (200, b"\xff", "it is no JSON"),
        (200, b"[]", "it has no key that verifies tokens"),
        (200, b" " * (MAX_BYTES + 1), f"it is longer than {MAX_BYTES} bytes"),
    ],
)
def test_what_is_no_key_set_is_named(
    there: Issuer, keys: KeySet, status: int, body: bytes, said: str
) -> None:
    there.status, there.body = status, body
    with pytest.raises(KeysUnavailable) as caught:
        keys.find("one", "ES256")
    assert caught.value.reason == said


def test_an_issuer_that_is_not_there_is_asked_again_after_a_moment(clock: Clock) -> None:
    port = free_port()
    keys = KeySet(f"http://127.0.0.1:{port}/keys", clock=clock)
    for _ in range(3):
        with pytest.raises(KeysUnavailable, match="cannot be read now") as caught:
            keys.find("one", "ES256")
    assert caught.value.reason == "Connection refused"


def test_without_a_set_the_issuer_is_asked_once_in_two_seconds(
    there: Issuer, keys: KeySet, clock: Clock
) -> None:
    there.status = 503
    for _ in range(5):
        with suppress(KeysUnavailable):
            keys.find("one", "ES256")
    assert there.asked == 1
    there.status = 200
    clock.now += RETRY_SECONDS
    assert keys.find("one", "ES256").kid == "one"


def test_a_reading_without_an_end_is_given_up_and_the_next_one_counts(clock: Clock) -> None:
    """Its result comes after that of the next one, and is dropped: it may be older."""
    begun: list[threading.Event] = []
    documents = [{"keys": [jwk(new_key(), name)]} for name in ("old", "new")]
    ended: list[str] = []

    def fetch(_url: str) -> object:
        number = len(begun)
        begun.append(threading.Event())
        if number == 0:
            begun[0].wait(20)
        ended.append(threading.current_thread().name)
        return documents[number]

    keys = KeySet("http://issuer.example/", fetch=fetch, clock=clock)
    keys.start()
    wait_until(lambda: begun, "the first one has begun")
    clock.now += 60
    assert keys.find("new", "ES256").kid == "new"
    begun[0].set()
    wait_until(lambda: len(ended) == 2, "the first one has ended")
    wait_until(lambda: _threads() == 0, "nothing is read any more")
    assert keys.find("new", "ES256").kid == "new"


def _threads() -> int:
    return sum(thread.name == "ordercast key set" for thread in threading.enumerate())


def test_certificates_are_read_as_some_issuers_give_them(there: Issuer) -> None:
    there.as_certificates = True
    tokens = Tokens(Settings(JWT_JWKS_URL=there.url))
    assert tokens.read(there.token(foreign(), "one")).user_id == "u-7"


def test_a_token_without_a_kid_is_good_while_there_is_one_key(there: Issuer) -> None:
    tokens = Tokens(Settings(JWT_JWKS_URL=there.url))
    there.keys["two"] = new_key()
    token = jwt.encode(foreign(), there.keys["one"], "ES256")
    with pytest.raises(TokenInvalid) as caught:
        tokens.read(token)
    assert caught.value.reason == "its key (kid) may be any of 2 keys of JWT_JWKS_URL"
    del there.keys["two"]
    assert Tokens(Settings(JWT_JWKS_URL=there.url)).read(token).user_id == "u-7"


def test_a_key_without_a_name_is_every_tokens(there: Issuer) -> None:
    there.body = json.dumps({"keys": [jwk(there.keys["one"], None)]}).encode()
    tokens = Tokens(Settings(JWT_JWKS_URL=there.url))
    assert tokens.read(there.token(foreign(), "one")).user_id == "u-7"


def test_the_key_of_a_kid_decides_about_the_algorithm(there: Issuer) -> None:
    with pytest.raises(TokenInvalid) as caught:
        KeySet(there.url).find("one", "RS256")
    assert caught.value.reason == "its algorithm is none of its key's: ES256"


def test_with_a_key_set_a_shared_secret_signs_nothing(there: Issuer) -> None:
    tokens = Tokens(Settings(JWT_SECRET_KEY=SECRET, JWT_JWKS_URL=there.url))
    for header in ({}, {"kid": "one"}):
        with pytest.raises(TokenInvalid) as caught:
            tokens.read(jwt.encode(foreign(), SECRET, "HS256", headers=header))
        assert caught.value.reason.startswith("its algorithm 'HS256' is none of ES256, ")
    assert not tokens.signs_here
    assert there.asked == 0
