"""@cast.identify: a team's own function, or else the JWT of `auth.token`."""

from typing import Any

import jwt
import pytest
from flask import Flask, current_app
from flask_socketio import SocketIO
from sqlalchemy import create_engine

from ordercast import Identity, Ordercast, Refuse
from ordercast.errors import AuthenticationRequired, TokenInvalid
from tests.harness.people.keys import claims
from tests.harness.processes.process import SECRET


@pytest.fixture
def cast() -> Ordercast:
    return Ordercast()


@pytest.fixture
def app(cast: Ordercast) -> Flask:
    """Of a team, with the library in it; nothing is connected."""
    app = Flask("team")
    app.config["ORDERCAST_JWT_SECRET_KEY"] = SECRET
    cast.init_app(app, SocketIO(), engine=lambda: create_engine("sqlite://"))
    return app


def identified(app: Flask, auth: Any) -> Identity:
    """As a connect asks."""
    with app.app_context():
        found: Identity = app.extensions["ordercast"].identify(auth, {})
    return found


def test_without_a_function_the_token_says_it(app: Flask) -> None:
    token = jwt.encode(claims(role=None), SECRET, "HS256")
    assert identified(app, {"token": token}).user_id == "7"
    with pytest.raises(TokenInvalid):
        identified(app, {"token": "x.y.z"})
    with pytest.raises(AuthenticationRequired):
        identified(app, None)


def test_a_teams_function_takes_its_place_also_after_the_start(cast: Ordercast, app: Flask) -> None:
    @cast.identify
    def driver(auth: Any, environ: dict[str, Any]) -> Identity:
        assert current_app == app
        if auth != {"badge": "12"}:
            raise Refuse("Unknown driver", code="unknown_driver")
        return Identity("12", rooms=["driver:12", "depot:north"])

    assert list(identified(app, {"badge": "12"}).rooms) == ["driver:12", "depot:north"]
    with pytest.raises(Refuse) as caught:
        identified(app, {"badge": "13"})
    assert caught.value.data == {"code": "unknown_driver"}


def test_nobody_is_refused_as_without_authentication(cast: Ordercast, app: Flask) -> None:
    cast.identify(lambda auth, environ: None)
    with pytest.raises(AuthenticationRequired):
        identified(app, {"token": "anything"})
