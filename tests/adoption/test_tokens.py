"""Tokens of a team's issuer on the installed wheel: by its key set, over a real connect."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.adoption.conftest import Ground, Place
from tests.harness.clients import loopback
from tests.harness.clients.raw import (
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    introduce,
    raw_websocket,
)
from tests.harness.servers.issuer import Issuer, foreign, issuer

APP = """
from flask import Flask
from flask_socketio import SocketIO
from flask_sqlalchemy import SQLAlchemy
from ordercast import Ordercast

db, socketio, cast = SQLAlchemy(), SocketIO(), Ordercast()


def create_app():
    app = Flask(__name__)
    app.config.from_prefixed_env()
    db.init_app(app)
    cast.init_app(app, socketio, engine=lambda: db.engine)

    @app.post("/greet/<user>")
    def greet(user):
        cast.append(db.session, "greeting", {"hello": user}, to=f"user:{user}")
        db.session.commit()
        return {}

    return app
"""
OTHERS: list[dict[str, Any]] = [
    {"aud": "stranger"},
    {"iss": "x"},
    {"token_use": "id"},
    {"profile": {}},
]
SAID = {"sub": None, "aud": "shop", "profile": {"id": 7}}


@pytest.fixture(scope="module")
def there() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


@pytest.fixture(scope="module")
def place(there: Issuer, ground: Ground, binaries: Path) -> Iterator[Place]:
    """The app behind gunicorn, with a worker."""
    config = {
        "SQLALCHEMY_DATABASE_URI": ground.database_url,
        "ORDERCAST_REDIS_URL": ground.redis_url,
        "ORDERCAST_JWT_JWKS_URL": there.url,
        "ORDERCAST_JWT_ISSUER": "https://id.example/",
        "ORDERCAST_JWT_AUDIENCE": "shop, other",
        "ORDERCAST_JWT_USER_CLAIM": "profile.id",
    }
    place = Place(ground.folder, binaries, **config)
    (ground.folder / "app.py").write_text(APP)
    with place.running():
        yield place


def test_a_token_of_the_issuer_connects_its_user(place: Place, there: Issuer) -> None:
    with raw_websocket(place.url) as client:
        for changes in OTHERS:
            client.say(introduce(there.token(foreign(**{**SAID, **changes}), "one")))
            assert client.hear_json(CONNECT_ERROR)["data"] == {"code": "token_invalid"}
        client.say(introduce(there.token(foreign(**SAID), "one")))
        client.hear_json(CONNECT)
        loopback.post(f"{place.url}/greet/7").raise_for_status()
        assert client.hear_json(EVENT)[:2] == ["greeting", {"hello": "7"}]


def test_check_token_says_the_same_in_words(place: Place, there: Issuer) -> None:
    good = place.run("flask", "ordercast", "check-token", there.token(foreign(**SAID), "one"))
    assert (good.returncode, good.stdout.splitlines()[1:3]) == (0, ["user: 7", "rooms: user:7"])
    wrong = there.token(foreign(**{**SAID, "aud": "stranger"}), "one")
    bad = place.run("flask", "ordercast", "check-token", wrong)
    assert bad.returncode == 1
    said = "its audience (aud) is 'stranger', and JWT_AUDIENCE is 'other', 'shop'"
    assert bad.stderr.splitlines()[-1] == f"token_invalid: {said}"
    assert wrong not in bad.stderr + bad.stdout


def test_doctor_reads_the_issuers_keys(place: Place) -> None:
    done = place.run("flask", "ordercast", "doctor")
    found = "ok    issuer: keys: 1 at ORDERCAST_JWT_JWKS_URL, ES256; tokens of https://id.ex"
    assert found in done.stdout


VERIFY = """
import sys
from app import cast, create_app
from ordercast import TokenRevoked

token = sys.argv[1]
with create_app().app_context():
    assert cast.verify(token).user_id == "7"
    cast.revoke(user="7")
    try:
        cast.verify(token)
    except TokenRevoked as exc:
        print(exc.code)
"""


def test_a_token_that_the_teams_code_revokes_closes_its_connections(
    place: Place, there: Issuer
) -> None:
    token = there.token(foreign(**SAID), "one")
    with raw_websocket(place.url) as client:
        client.say(introduce(token))
        client.hear_json(CONNECT)
        done = place.run("python", "-c", VERIFY, token)
        assert (done.returncode, done.stdout) == (0, "token_revoked\n"), done.stderr
        assert client.hear() == DISCONNECT
