"""Tokens of a team's issuer on the installed wheel: by its key set, over a real connect."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.adoption.conftest import Place
from tests.conftest import redis_in
from tests.harness.clients import loopback
from tests.harness.clients.raw import CONNECT, CONNECT_ERROR, EVENT, introduce, raw_websocket
from tests.harness.servers.issuer import Issuer, foreign, issuer
from tests.harness.waiting import wait_until

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
def place(
    there: Issuer, binaries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """The app behind gunicorn, with a worker."""
    folder = tmp_path_factory.mktemp("issuer")
    with ExitStack() as stack:
        redis = stack.enter_context(redis_in(folder))
        config = {
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/team.db",
            "ORDERCAST_REDIS_URL": redis.url,
            "ORDERCAST_JWT_JWKS_URL": there.url,
            "ORDERCAST_JWT_ISSUER": "https://id.example/",
            "ORDERCAST_JWT_AUDIENCE": "shop, other",
            "ORDERCAST_JWT_USER_CLAIM": "profile.id",
        }
        place = Place(folder, binaries, **config)
        (folder / "app.py").write_text(APP)
        assert place.run("flask", "ordercast", "upgrade").returncode == 0
        gunicorn = ("gunicorn", "-c", "python:ordercast.gunicorn", "-b", f"127.0.0.1:{place.port}")
        web = place.start("web", *gunicorn, "app:create_app()")
        stack.callback(web.stop)
        worker = place.start("worker", "flask", "ordercast", "worker")
        stack.callback(worker.stop)

        def answers() -> bool:
            assert web.is_running(), web.output()
            try:
                return loopback.get(place.url).status_code == 404
            except httpx.TransportError:
                return False

        wait_until(answers, "the app answers")
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
