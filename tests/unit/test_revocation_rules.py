"""Whom a revocation hits: one function, by kind, value and the times of two clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from ordercast.errors import TokenError, TokenExpired, TokenRevoked
from ordercast.identity import Identity, TokenIdentity
from ordercast.revocation import Mark, Rules

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = int(MOMENT.timestamp())
LEEWAY = 30
ALICE = TokenIdentity("7", session="login", jti="token", issued_at=SECONDS - 60)
RULES = Rules(leeway=LEEWAY)


@pytest.mark.parametrize(
    ("kind", "value", "hit"),
    [
        ("user", "7", True),
        ("user", "8", False),
        ("session", "login", True),
        ("session", "7", False),
        ("token", "token", True),
        ("token", "login", False),
        ("connections", "7", False),
        ("unheard of", "7", False),
    ],
)
def test_a_token_is_refused_by_its_user_its_login_and_its_name(
    kind: str, value: str, hit: bool
) -> None:
    refusal = RULES.refusal(ALICE, Mark(kind, value, MOMENT))
    assert (refusal is not None) is hit
    if refusal is not None:
        assert isinstance(refusal, TokenRevoked)
        assert refusal.reason == f"its {kind} was revoked at {MOMENT.isoformat()}"


def test_a_disconnect_ends_a_users_connections_and_refuses_no_token() -> None:
    mark = Mark("connections", "7", MOMENT)
    assert RULES.hits(ALICE, mark)
    assert not RULES.hits(Identity("8"), mark)
    assert RULES.refusal(ALICE, mark) is None


@pytest.mark.parametrize(
    ("is_local", "session", "seconds", "hit"),
    [
        (False, None, LEEWAY, True),  # another clock, which may be ahead
        (False, "theirs", LEEWAY, True),
        (False, None, LEEWAY + 1, False),
        (True, None, 0, True),  # issued here, in the same second: in doubt revoked
        (True, None, 1, False),
        (True, "login", 0, False),  # a login goes with its session, by name
        (True, "login", -LEEWAY - 1, True),  # and in any case if it is far too old
    ],
)
def test_a_user_is_revoked_with_the_tokens_of_until_then(
    is_local: bool, session: str | None, seconds: int, hit: bool
) -> None:
    issued = TokenIdentity(
        "7", session=session, jti="j", issued_at=SECONDS + seconds, is_local=is_local
    )
    assert RULES.hits(issued, Mark("user", "7", MOMENT)) is hit


def test_an_identity_that_no_token_proved_is_hit_by_what_its_claims_say() -> None:
    alice = Identity("7", claims={"session": "login", "iat": SECONDS - 60})
    assert RULES.hits(alice, Mark("session", "login", MOMENT))
    assert RULES.hits(alice, Mark("user", "7", MOMENT))
    assert RULES.hits(Identity("7"), Mark("user", "7", MOMENT))
    assert not RULES.hits(Identity("7"), Mark("session", "login", MOMENT))


def banned(identity: Identity, mark: Mark, leeway: float) -> TokenError | None:
    """A team's own rule: until the ban is over."""
    assert leeway == LEEWAY
    until = mark.at + timedelta(hours=int(mark.detail or 0))
    return TokenExpired("banned") if identity.issued_at < until.timestamp() else None


def test_a_service_adds_kinds_with_rules_and_refusals_of_its_own() -> None:
    rules = Rules(leeway=LEEWAY, own={"ban": banned})
    assert isinstance(rules.refusal(ALICE, Mark("ban", "7", MOMENT, "1")), TokenExpired)
    later = TokenIdentity("7", issued_at=SECONDS + 7200)
    assert rules.refusal(later, Mark("ban", "7", MOMENT, "1")) is None
    assert rules.refusal(ALICE, Mark("ban", "8", MOMENT, "1")) is None
    assert ("ban", "7") in rules.concerning(ALICE)
    assert not RULES.hits(ALICE, Mark("ban", "7", MOMENT, "1"))


def test_a_kind_of_the_librarys_own_cannot_be_taken() -> None:
    with pytest.raises(ValueError, match="token"):
        Rules(own={"token": banned})


@pytest.mark.parametrize("kind", ["", "Ban", "ban from all", "a_kind_that_is_long"])
def test_a_kind_that_no_control_event_can_say_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="a kind of revocation fits"):
        Rules(own={kind: banned})
