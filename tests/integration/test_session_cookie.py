"""/api/auth/session: one login for all tabs of a browser, whose refresh token no script reads."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import Cookie, TestResponse

from app.accounts.models import LoginSession
from app.accounts.tokens import REFRESH_SECONDS
from app.config import Settings
from app.db import transaction
from tests.harness.application.market import error, good
from tests.harness.faults.races import at_once
from tests.harness.people.visitor import ALICE, PASSWORD, Visitor

SESSION, REFRESH = "/api/auth/session", "/api/auth/session/refresh"
SHOP = "https://shop.example.com"
URL = "http://market.test:8000"
FROM_OUR_PAGE = {"X-Requested-With": "ordercast", "Sec-Fetch-Site": "same-origin"}
REFUSED = (403, "not_from_our_pages")
BOB = "bob@example.com"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings.of(**{**settings.model_dump(), "CORS_ORIGINS": (SHOP,)})


@dataclass
class Page:
    """A page of this origin in a browser with a jar of cookies."""

    app: Flask
    url: str = URL
    jar: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.jar = self.app.test_client()

    def call(
        self, method: str, path: str, headers: Any = FROM_OUR_PAGE, **options: Any
    ) -> TestResponse:
        with self.app.app_context():
            return self.jar.open(
                path, method=method, headers=headers, base_url=self.url, buffered=True, **options
            )

    def log_in(self, email: str = ALICE["email"], **options: Any) -> TestResponse:
        return self.call("POST", SESSION, json={"email": email, "password": PASSWORD}, **options)

    def refresh(self, **options: Any) -> TestResponse:
        return self.call("POST", REFRESH, **options)

    def log_out(self, **options: Any) -> TestResponse:
        return self.call("DELETE", SESSION, **options)

    def cookies(self) -> list[Cookie]:
        return list(self._kept().values())

    def duplicate(self) -> "Page":
        """A browser with a copy of the cookies as they are now."""
        other = Page(self.app, self.url)
        other._kept().update(self._kept())
        return other

    def _kept(self) -> dict[tuple[str, str, str], Cookie]:
        assert self.jar._cookies is not None
        return self.jar._cookies


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    visitor = Visitor(app)
    good(visitor.register(), 201)
    good(visitor.register(email=BOB, name="Bob"), 201)
    return visitor


@pytest.fixture
def page(app: Flask, visitor: Visitor) -> Page:
    return Page(app)


def time_passes(app: Flask, seconds: float) -> None:
    with app.app_context(), transaction() as session:
        for login in session.scalars(select(LoginSession)):
            assert login.issued_at is not None
            login.issued_at -= timedelta(seconds=seconds)


def test_a_login_answers_without_the_refresh_token_and_sets_a_cookie(
    page: Page, visitor: Visitor
) -> None:
    answer = page.log_in()
    login = good(answer)
    assert login.keys() == {"accessToken", "expiresIn", "user"}
    assert login["user"]["email"] == ALICE["email"]
    assert good(visitor.me(login["accessToken"])) == login["user"]
    [cookie] = page.cookies()
    assert (cookie.key, cookie.path) == ("ordercast_8000", SESSION)
    assert (cookie.http_only, cookie.same_site, cookie.secure) == (True, "Strict", False)
    assert cookie.max_age == REFRESH_SECONDS
    assert "domain" not in answer.headers["Set-Cookie"].lower()
    assert answer.headers["Cache-Control"] == "no-store"


def test_over_https_the_cookie_is_secure_and_has_another_name(app: Flask, visitor: Visitor) -> None:
    page = Page(app, "https://market.test")
    good(page.log_in())
    [cookie] = page.cookies()
    assert (cookie.key, cookie.secure) == ("__Secure-ordercast", True)
    good(page.refresh())


def test_a_refresh_gives_an_access_token_and_the_next_cookie(page: Page, visitor: Visitor) -> None:
    login = good(page.log_in())
    [first] = page.cookies()
    again = good(page.refresh())
    [second] = page.cookies()
    assert again.keys() == login.keys()
    assert again["user"] == login["user"]
    assert again["accessToken"] != login["accessToken"]
    assert second.value != first.value
    for token in (login["accessToken"], again["accessToken"]):
        good(visitor.me(token))


def test_two_tabs_that_refresh_at_once_get_the_same_pair(page: Page) -> None:
    good(page.log_in())
    other = page.duplicate()
    one, two = (good(answer) for answer in at_once(page.refresh, other.refresh))
    assert one == two
    assert [cookie.value for cookie in page.cookies()] == [c.value for c in other.cookies()]


def test_a_cookie_that_was_exchanged_long_ago_revokes_the_session(app: Flask, page: Page) -> None:
    good(page.log_in())
    thief = page.duplicate()
    good(page.refresh())
    time_passes(app, 21)
    assert error(thief.refresh()) == (401, "token_revoked")
    assert error(page.refresh()) == (401, "token_revoked")


def test_without_a_cookie_there_is_nothing_to_refresh(page: Page) -> None:
    assert error(page.refresh()) == (401, "authentication_required")


FOREIGN = {
    "no header of a script": {"Sec-Fetch-Site": "same-origin"},
    "another site": {"X-Requested-With": "x", "Sec-Fetch-Site": "cross-site", "Origin": URL},
    "another origin of the site": {"X-Requested-With": "x", "Sec-Fetch-Site": "same-site"},
    "typed or a bookmark": {"X-Requested-With": "x", "Sec-Fetch-Site": "none"},
    "a listed origin": {"X-Requested-With": "x", "Origin": SHOP},
    "another port": {"X-Requested-With": "x", "Origin": "http://market.test:8001"},
    "a sandbox": {"X-Requested-With": "x", "Origin": "null"},
    "nothing at all": {},
}


def test_from_elsewhere_the_cookie_does_not_count_and_nothing_happens(
    page: Page, visitor: Visitor
) -> None:
    token = good(page.log_in())["accessToken"]
    before = page.cookies()
    answers = {
        (name, call.__name__): call(headers=headers)
        for name, headers in FOREIGN.items()
        for call in (page.log_in, page.refresh, page.log_out)
    }
    for call, answer in answers.items():
        assert error(answer) == REFUSED, call
        assert "Set-Cookie" not in answer.headers
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert page.cookies() == before
    good(visitor.me(token))


def test_a_page_without_fetch_metadata_is_known_by_its_origin(page: Page) -> None:
    own = {"X-Requested-With": "ordercast", "Origin": URL}
    good(page.log_in(headers=own))
    good(page.refresh(headers=own))
    assert page.log_out(headers=own).status_code == 204


def test_a_listed_origin_is_allowed_no_call_here(page: Page) -> None:
    for path, method in ((SESSION, "POST"), (REFRESH, "POST"), (SESSION, "DELETE")):
        asked = {
            "Origin": SHOP,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type, x-requested-with",
        }
        answer = page.call("OPTIONS", path, headers=asked)
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_the_cookie_opens_nothing_but_the_session(page: Page) -> None:
    good(page.log_in())
    [cookie] = page.cookies()
    # A browser would not even send it there.
    headers = {**FROM_OUR_PAGE, "Cookie": f"{cookie.key}={cookie.value}"}
    bare = Page(page.app)
    for method, path in (
        ("GET", "/api/auth/me"),
        ("POST", "/api/auth/refresh"),
        ("POST", "/api/auth/logout"),
        ("GET", "/api/orders"),
        ("POST", "/api/orders"),
    ):
        answer = bare.call(method, path, headers=headers)
        assert error(answer) == (401, "authentication_required"), path
    good(page.refresh())


def test_a_logout_ends_the_session_for_all_tabs_and_deletes_the_cookie(
    page: Page, visitor: Visitor
) -> None:
    token = good(page.log_in())["accessToken"]
    tab = page.duplicate()
    assert page.log_out().status_code == 204
    assert page.cookies() == []
    assert error(visitor.me(token)) == (401, "token_revoked")
    assert error(tab.refresh()) == (401, "token_revoked")
    assert tab.log_out().status_code == 204
    assert page.log_out().status_code == 204


def test_to_log_in_as_somebody_else_ends_the_session_that_was_there(
    page: Page, visitor: Visitor
) -> None:
    hers = good(page.log_in())["accessToken"]
    tab = page.duplicate()
    his = good(page.log_in(BOB))
    assert error(visitor.me(hers)) == (401, "token_revoked")
    assert error(tab.refresh()) == (401, "token_revoked")
    assert good(page.refresh())["user"] == his["user"]


def test_a_login_that_fails_leaves_the_session_as_it_is(page: Page) -> None:
    login = good(page.log_in())
    wrong = page.call("POST", SESSION, json={"email": BOB, "password": "wrong"})
    assert error(wrong) == (401, "invalid_credentials")
    assert good(page.refresh())["user"] == login["user"]


def test_services_on_two_ports_of_a_host_have_two_cookies(app: Flask, visitor: Visitor) -> None:
    page = Page(app, "http://127.0.0.1:8000")
    good(page.log_in())
    page.url = "http://127.0.0.1:8001"
    assert error(page.refresh()) == (401, "authentication_required")
    good(page.log_in(BOB))
    page.url = "http://127.0.0.1:8000"
    assert good(page.refresh())["user"]["email"] == ALICE["email"]


def test_where_the_accounts_are_another_services_nobody_logs_in_here(
    app: Flask, settings: Settings, page: Page
) -> None:
    good(page.log_in())
    app.config["SETTINGS"] = settings.model_copy(update={"LOCAL_ACCOUNTS": False})
    assert error(page.log_in()) == (403, "local_accounts_off")
    assert error(page.refresh()) == (403, "local_accounts_off")
    assert page.log_out().status_code == 204
