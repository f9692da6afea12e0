"""`check-token` says in words whom a token proves or why it is refused, and `token` makes one."""

import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
import pytest
from click.testing import Result
from flask import Flask
from flask_socketio import SocketIO
from sqlalchemy import create_engine

from app.extension import cast
from ordercast import Identity, Ordercast, Refuse, Settings
from ordercast.migrations import upgrade
from tests.harness.application.tabs import ALICE, Tab, WebProcess
from tests.harness.people.keys import claims, hs256, part, signed
from tests.harness.processes.process import SECRET
from tests.harness.servers.issuer import Issuer, foreign, issuer

ORDERCAST = ("ordercast", "check-token")


def run(app: Flask, *arguments: str, input: str | None = None) -> Result:
    return app.test_cli_runner().invoke(args=arguments, input=input)


def refusal(app: Flask, token: str, *command: str) -> str:
    """The line on standard error; nothing of the token is in it."""
    done = run(app, *(command or ORDERCAST), token)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert all(part not in done.stderr for part in token.split(".") if len(part) > 10)
    return done.stderr.rstrip("\n")


@pytest.mark.parametrize("command", [ORDERCAST, ("check-token",)])
def test_a_good_token_is_its_user_rooms_end_and_claims(
    app: Flask, command: tuple[str, ...]
) -> None:
    token = hs256(claims(role="seller", exp=int(time.time()) + 600))
    for done in (run(app, *command, token), run(app, *command, "-", input=f" Bearer {token}\n")):
        assert (done.exit_code, done.stderr) == (0, "")
        accepted, user, rooms, ends, said = done.stdout.splitlines()
        assert accepted == "a connect with it is accepted"
        assert (user, rooms) == ("user: 7", "rooms: user:7, seller:7")
        assert ends.startswith("ends: 20")
        assert said == 'claims: {"role": "seller"}'
        assert all(part not in done.stdout for part in token.split("."))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "refresh"}, "token_invalid: it is no access token: its type is 'refresh'"),
        ({"aud": "x"}, "token_invalid: its audience (aud) is 'x', and JWT_AUDIENCE is not set"),
        ({"sub": None}, "token_invalid: it has no sub"),
        ({"exp": 1}, "token_expired: expired "),
    ],
)
def test_a_bad_one_is_its_reason(app: Flask, changes: dict[str, Any], said: str) -> None:
    for command in (ORDERCAST, ("check-token",)):
        assert refusal(app, hs256(claims(**changes)), *command).startswith(said)


def test_it_is_the_reason_that_the_log_has_of_a_connect(
    process: WebProcess, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = ("garbage", hs256(claims(), "another-secret-of-enough-characters"), hs256([]))
    for token in (*wrong, hs256(claims(iat=time.time() + 90)), hs256(claims(token_use="id"))):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            Tab(ALICE).connect(process, token=token)
        [record] = [one for one in caplog.records if one.getMessage() == "connect refused"]
        said = vars(record)
        reasons = (refusal(process.app, token), f"{said['code']}: {said['reason']}")
        # The seconds by which a clock is ahead are less at each reading.
        first, second = (re.sub(r"\d+ s ahead", "ahead", reason) for reason in reasons)
        assert first == second


def test_one_that_was_revoked_says_so_and_when(app: Flask) -> None:
    cast.revoke(token="gone")
    said = refusal(app, hs256(claims(jti="gone")))
    assert said.startswith("token_revoked: its token was revoked at 20")


def test_without_jti_it_says_what_that_means(app: Flask) -> None:
    done = run(app, *ORDERCAST, hs256(claims(jti=None)))
    assert done.stdout.endswith("without jti: it cannot be revoked alone, only with its user\n")


def test_nothing_is_asked_for(app: Flask) -> None:
    said = run(app, *ORDERCAST, "-", input="\n").stderr
    assert said == "authentication_required: Authentication required\n"


@pytest.fixture
def cast_of_a_team() -> Ordercast:
    return Ordercast()


@contextmanager
def team(cast: Ordercast, **config: Any) -> Iterator[Flask]:
    """An app of a team, with the library in it and a database of its own."""
    app = Flask("team")
    app.config.update({f"ORDERCAST_{name}": value for name, value in config.items()})
    engine = create_engine("sqlite://")
    cast.init_app(app, SocketIO(), engine=lambda: engine)
    upgrade(engine)
    yield app
    engine.dispose()


@pytest.fixture
def there() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


def test_in_a_teams_app_the_whole_token_is_shown_but_what_is_good_for_something(
    cast_of_a_team: Ordercast, there: Issuer
) -> None:
    with team(cast_of_a_team, JWT_JWKS_URL=there.url, JWT_AUDIENCE="shop") as app:
        sent = foreign(aud=["shop"], roles=["\x1b[2J"], csrf="hidden", jti="j")
        done = run(app, *ORDERCAST, there.token(sent, "one"))
        shown = done.stdout.splitlines()[-1].removeprefix("claims: ")
        assert json.loads(shown) == {k: v for k, v in sent.items() if k != "csrf"}
        assert "\x1b" not in done.stdout
        there.status, other = 500, there.token(foreign(aud="shop"), "one")
        assert refusal(app, other.replace(other.split(".")[0], _head(kid="other"))).startswith(
            "token_invalid: its key (kid) 'other' is none of JWT_JWKS_URL, as read "
        )


def _head(**fields: str) -> str:
    return part(json.dumps({"alg": "ES256", **fields}).encode())


def test_claims_that_are_nested_too_deep_do_no_harm() -> None:
    for depth in (10, 400, 900, 980, 990):
        deep = b"[" * depth + b"]" * depth
        payload = json.dumps(claims()).encode()[:-1] + b',"x":' + deep + b"}"
        with team(Ordercast(), JWT_SECRET_KEY=SECRET) as app:
            done = run(app, *ORDERCAST, signed(b'{"alg":"HS256"}', payload))
        assert done.exception is None or isinstance(done.exception, SystemExit)


def test_keys_that_cannot_be_read_are_the_reason(cast_of_a_team: Ordercast, there: Issuer) -> None:
    there.status = 500
    with team(cast_of_a_team, JWT_JWKS_URL=there.url) as app:
        said = refusal(app, there.token(foreign(), "one"))
        assert said == "keys_unavailable: HTTP 500: no document"


def test_a_teams_own_identify_is_asked_as_a_connect_asks_it(cast_of_a_team: Ordercast) -> None:
    @cast_of_a_team.identify
    def driver(auth: Any, environ: dict[str, Any]) -> Identity:
        assert environ["PATH_INFO"] == "/socket.io/"
        if auth["token"] != "badge 12":
            raise Refuse("Unknown driver", code="unknown_driver")
        return Identity("12", rooms=["depot:north"])

    with team(cast_of_a_team) as app:
        assert "user: 12\nrooms: depot:north\n" in run(app, *ORDERCAST, "badge 12").stdout
        assert refusal(app, "badge 13") == "unknown_driver: Unknown driver"


def made(app: Flask, *options: str) -> dict[str, Any]:
    """The claims of a token that `flask ordercast token` made; it is accepted."""
    done = run(app, "ordercast", "token", *options)
    assert (done.exit_code, done.stderr) == (0, "")
    token = done.stdout.strip()
    assert run(app, *ORDERCAST, token).exit_code == 0
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def test_a_token_for_a_test_says_what_the_settings_ask_for(cast_of_a_team: Ordercast) -> None:
    config = {"JWT_ISSUER": "https://id.example", "JWT_AUDIENCE": "shop, app"}
    with team(cast_of_a_team, JWT_SECRET_KEY=SECRET, JWT_USER_CLAIM="user.id", **config) as app:
        options = ("--claim", "roles=[1]", "--claim", "a.b=x", "--claim", "https://x.y/z=1")
        found = made(app, "--sub", "7", "--seconds", "60", *options)
    assert found["user"] == {"id": "7"}
    assert (found["iss"], found["aud"], found["type"]) == ("https://id.example", "shop", "access")
    assert (found["roles"], found["a"], found["https://x.y/z"]) == ([1], {"b": "x"}, 1)
    assert found["exp"] == found["iat"] + 60


def test_a_token_that_would_be_refused_is_not_printed(app: Flask) -> None:
    for option in ("type=refresh", "exp=1", "aud=other"):
        done = run(app, "ordercast", "token", "--sub", "7", "--claim", option)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("token_")
    assert run(app, "ordercast", "token", "--sub", "7", "--claim", "x").exit_code == 2


def test_no_token_is_made_where_the_secret_signs_nothing(
    cast_of_a_team: Ordercast, there: Issuer
) -> None:
    for config in ({"JWT_SECRET_KEY": SECRET, "JWT_JWKS_URL": there.url}, {}):
        assert Settings.of({f"ORDERCAST_{name}": text for name, text in config.items()})
        with team(cast_of_a_team, **config) as app:
            done = run(app, "ordercast", "token", "--user", "7")
            assert done.stderr.startswith(
                "foreign_issuer: No token signed with ORDERCAST_JWT_SECRET_KEY"
            )
