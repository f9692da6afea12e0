"""The pid: what we signed is read back, and nothing else is believed."""

from secrets import token_hex
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from ordercast.claims import MAX_SUBJECT_CHARACTERS
from ordercast.live.pid import MAX_PID_CHARACTERS, Claim, Pids, signing_key

SECRET = "a-secret-for-the-tests-that-is-long-enough"
PIDS = Pids(SECRET)
ALICE = Claim("7", "customer", 41, "a-journal")

subjects = st.text(
    st.characters(categories=["L", "N", "P", "S"]), max_size=MAX_SUBJECT_CHARACTERS, min_size=1
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(user_id=subjects, position=st.integers(0, 2**63 - 1), stale=st.none() | st.integers(1))
def test_a_claim_is_read_back(user_id: str, position: int, stale: int | None) -> None:
    claim = Claim(user_id, "seller", position, "a-journal", stale)
    assert PIDS.read(PIDS.sign(claim)) == claim


def test_the_longest_user_id_fits() -> None:
    emoji = "".join(chr(0x1F300 + 7 * number % 700) for number in range(MAX_SUBJECT_CHARACTERS))
    claim = Claim(emoji, "customer", 2**63 - 1, "j" * 32, 10**19 - 1)
    assert PIDS.read(PIDS.sign(claim)) == claim


def test_two_pids_of_a_user_at_one_position_differ() -> None:
    assert PIDS.sign(ALICE) != PIDS.sign(ALICE)


@given(where=st.integers(0, 10**6), what=st.characters())
def test_a_tampered_pid_is_none_of_ours(where: int, what: str) -> None:
    pid = PIDS.sign(ALICE)
    where %= len(pid) - 1  # but for the last: that one has bits which mean nothing (base64)
    tampered = pid[:where] + what + pid[where + 1 :]
    assert PIDS.read(tampered) == (ALICE if tampered == pid else None)


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(0, 0), slice(0, 10)])
def test_a_part_of_a_pid_is_none_of_ours(cut: slice) -> None:
    assert PIDS.read(PIDS.sign(ALICE)[cut]) is None


def test_a_pid_signed_with_another_secret_is_none_of_ours() -> None:
    assert PIDS.read(Pids("another-secret-that-is-long-enough-too").sign(ALICE)) is None


def test_what_else_is_signed_with_the_same_secret_is_no_pid() -> None:
    other_use = URLSafeSerializer(SECRET, salt="something else")
    assert PIDS.read(other_use.dumps(["7", "customer", 41, "a-journal", None, "00"])) is None


@settings(max_examples=50)
@given(junk)
def test_garbage_of_any_type_is_none_of_ours(garbage: Any) -> None:
    assert PIDS.read(garbage) is None


@pytest.mark.parametrize("text", ["\ud800", "a.b", ".", "..", "=", "🦊.🦊", "\x00"])
def test_a_strange_text_is_none_of_ours(text: str) -> None:
    assert PIDS.read(text) is None


def test_a_pid_that_is_too_long_is_not_even_looked_at() -> None:
    signed = URLSafeSerializer(SECRET, salt="ordercast.pid")
    good = ["7", "customer", 41, "a-journal", None]
    assert PIDS.read(signed.dumps([*good, "00"])) == ALICE
    long = signed.dumps([*good, token_hex(MAX_PID_CHARACTERS)])
    assert len(long) > MAX_PID_CHARACTERS
    assert PIDS.read(long) is None


@pytest.mark.parametrize("claims", [[], ["7", 41, "a-journal", "00"], 5, None, "text", {}])
def test_a_pid_of_another_release_is_none_of_ours(claims: Any) -> None:
    """After a deploy that changed what a pid holds, every client comes with an old one."""
    signed = URLSafeSerializer(SECRET, salt="ordercast.pid")
    assert PIDS.read(signed.dumps(claims)) is None


def test_without_a_secret_a_process_has_a_key_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    app = Flask("team")
    pid = Pids(signing_key(None, app)).sign(ALICE)
    assert "SECRET_KEY is not set" in caplog.text
    for guess in ("None", "", signing_key(None, app)):
        assert Pids(guess).read(pid) is None
    app.secret_key = SECRET
    assert signing_key(None, app) == SECRET
    assert signing_key("another", app) == "another"
