"""People who log in with a form and Flask-Login: the handshake's cookie says who connects."""

import re
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ordercast.testing import LiveServer
from tests.harness.application.members import PASSWORDS
from tests.harness.clients import loopback
from tests.harness.clients.raw import CONNECT, CONNECT_ERROR, EVENT, RawClient, raw_websocket
from tests.harness.processes.process import ROOT

SECRET = "the-secret-of-the-members-service-is-long-enough"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service, for all of this module."""
    database = f"sqlite:///{tmp_path_factory.mktemp('members')}/members.db"
    env = {"DATABASE_URL": database, "FLASK_SECRET_KEY": SECRET}
    application = "tests.harness.application.members:create_app()"
    with LiveServer(application, env=env, folder=ROOT) as server:
        yield server.url


class Browser:
    """Somebody with cookies."""

    def __init__(self, url: str) -> None:
        self.http = loopback.Client(base_url=url)

    def form(self, path: str) -> str:
        """The hidden value of this site's own page."""
        text = self.http.get(path).text
        found = re.search('name="form" value="([^"]+)"', text)
        return found[1] if found else text

    def log_in(self, name: str, password: str) -> httpx.Response:
        fields = {"form": self.form("/login"), "name": name, "password": password}
        return self.http.post("/login", data=fields)

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())


@pytest.fixture
def alice(url: str) -> Iterator[Browser]:
    browser = Browser(url)
    assert browser.log_in("alice", PASSWORDS["alice"]).status_code == 302
    yield browser
    browser.http.close()


@pytest.fixture
def bob(url: str) -> Iterator[Browser]:
    browser = Browser(url)
    assert browser.log_in("bob", PASSWORDS["bob"]).status_code == 302
    yield browser
    browser.http.close()


def refused(client: RawClient) -> object:
    client.say(CONNECT)
    return client.hear_json(CONNECT_ERROR)


def all_of(client: RawClient) -> None:
    """Everything that the client hears until its connection is closed."""
    while client.hear():
        continue


def test_the_cookie_of_a_login_is_who_connects_and_gets_their_events(
    url: str, alice: Browser, bob: Browser
) -> None:
    with (
        raw_websocket(url, additional_headers={"Cookie": alice.cookie}) as hers,
        raw_websocket(url, additional_headers={"Cookie": bob.cookie}, origin=url) as his,
    ):
        for client in (hers, his):
            client.say(CONNECT)
            client.hear_json(CONNECT)
        form = bob.form("/")
        for name in ("alice", "bob"):
            bob.http.post(f"/greet/{name}", data={"form": form}).raise_for_status()
        for client in (hers, his):
            name, payload, _offset = client.hear_json(EVENT)
            assert (name, payload) == ("greeting", {"from": "bob"})


def test_without_a_login_or_with_a_changed_cookie_nobody_connects(url: str, alice: Browser) -> None:
    stranger = Browser(url)
    assert "wrong" in stranger.log_in("alice", "guess").text
    for cookie in ("", stranger.cookie, alice.cookie[:-2], "session=garbage"):
        with raw_websocket(url, additional_headers={"Cookie": cookie}) as client:
            assert refused(client) == {"message": "Authentication required"}
    stranger.http.close()


def test_a_page_of_another_site_cannot_connect_with_the_cookie_that_its_browser_has(
    url: str, alice: Browser
) -> None:
    """A browser sends cookies with the WebSocket of any site: the origin tells them apart."""
    for origin in ("https://evil.example", "null", url.replace("127.0.0.1", "localhost")):
        with (
            pytest.raises(InvalidStatus) as caught,
            raw_websocket(url, additional_headers={"Cookie": alice.cookie}, origin=origin),
        ):
            pass
        assert caught.value.response.status_code == 403


def test_a_form_of_another_site_logs_nobody_in_or_out(url: str, alice: Browser) -> None:
    fields = {"name": "bob", "password": PASSWORDS["bob"]}
    assert alice.http.post("/login", data=fields).status_code == 400
    assert alice.http.post("/logout").status_code == 400


def test_a_logout_ends_the_connections_of_that_login_and_its_cookie_is_good_for_nothing(
    url: str, alice: Browser
) -> None:
    other = Browser(url)
    other.log_in("alice", PASSWORDS["alice"])
    kept = alice.cookie
    with (
        raw_websocket(url, additional_headers={"Cookie": kept}) as hers,
        raw_websocket(url, additional_headers={"Cookie": other.cookie}) as elsewhere,
    ):
        for client in (hers, elsewhere):
            client.say(CONNECT)
            client.hear_json(CONNECT)
        alice.http.post("/logout", data={"form": alice.form("/")}).raise_for_status()
        with pytest.raises(ConnectionClosed):
            all_of(hers)
        form = other.form("/")
        other.http.post("/greet/alice", data={"form": form}).raise_for_status()
        assert elsewhere.hear_json(EVENT)[0] == "greeting"
    with raw_websocket(url, additional_headers={"Cookie": kept}) as thief:
        assert refused(thief) == {"message": "Invalid token", "data": {"code": "token_revoked"}}
    other.http.close()


def test_the_documented_lines_are_these() -> None:
    text = (ROOT / "docs/tokens.md").read_text()
    written = (ROOT / "tests/harness/application/members.py").read_text()
    blocks = re.findall("```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        assert block in written, block
