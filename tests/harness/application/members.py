"""A team's app whose people log in with a form and Flask-Login: the cookie of its session is all
that their clients bring."""

import hmac
import os
from secrets import token_hex
from typing import Any

from flask import Flask, Response, abort, current_app, redirect, request, session
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
    logout_user,
)
from flask_socketio import SocketIO
from sqlalchemy import create_engine

from ordercast import Identity, Ordercast

PASSWORDS = {"alice": "correct horse", "bob": "battery staple"}
FORM = """<!doctype html><title>Log in</title><p role="alert">{alert}</p>
<form method="post"><input type="hidden" name="form" value="{form}">
<input name="name"><input name="password" type="password"><button>Log in</button></form>"""

cast = Ordercast()
logins = LoginManager()


class Member(UserMixin):
    """A user, by name."""

    def __init__(self, name: str) -> None:
        self.id = name


@logins.user_loader
def load(name: str) -> Member | None:
    return Member(name) if name in PASSWORDS else None


@cast.identify
def member(auth: Any, environ: dict[str, Any]) -> Identity | None:
    with current_app.request_context(environ):  # the handshake's, with its cookies
        if not current_user.is_authenticated:
            return None
        name = current_user.get_id()
        return Identity(name, rooms=[f"member:{name}"], claims={"session": session["login"]})


def enter(name: str) -> None:
    session.clear()
    session["login"] = token_hex()
    login_user(Member(name))


def leave() -> None:
    cast.revoke(session=session["login"])
    logout_user()
    session.clear()


def form_of_this_page() -> str:
    """A value that only a page of this site can send: no other site's form logs anybody in."""
    return str(session.setdefault("form", token_hex()))


def require_own_form() -> None:
    if not hmac.compare_digest(request.form.get("form", ""), session.get("form", "-")):
        abort(400)


def create_app() -> Flask:
    app = Flask("members")
    app.config.from_prefixed_env()
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    logins.init_app(app)
    engine = create_engine(os.environ["DATABASE_URL"])
    cast.init_app(app, SocketIO(), engine=lambda: engine)

    @app.route("/login", methods=["GET", "POST"])
    def login() -> Any:
        alert = ""
        if request.method == "POST":
            require_own_form()
            name = request.form["name"]
            if hmac.compare_digest(PASSWORDS.get(name, ""), request.form["password"]) and name:
                enter(name)
                return redirect("/")
            alert = "Name or password is wrong."
        return FORM.format(alert=alert, form=form_of_this_page())

    @app.get("/")
    @login_required
    def home() -> str:
        return form_of_this_page()

    @app.post("/logout")
    @login_required
    def logout() -> Response:
        require_own_form()
        leave()
        return Response(status=204)

    @app.post("/greet/<name>")
    @login_required
    def greet(name: str) -> Response:
        require_own_form()
        with engine.begin() as connection:
            cast.append(
                connection, "greeting", {"from": current_user.get_id()}, to=f"member:{name}"
            )
        return Response(status=204)

    return app
