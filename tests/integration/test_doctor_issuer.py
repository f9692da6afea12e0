"""`doctor` and `/readyz` on the issuer of the tokens."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.config import Settings
from ordercast.doctor.finding import Doubtful, Unhealthy
from ordercast.doctor.issuer import examinations
from ordercast.settings import Settings as LibrarySettings
from tests.harness.application.tabs import Start
from tests.harness.people.keys import public_pem
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import SECRET
from tests.harness.servers.issuer import Issuer, issuer, new_key
from tests.harness.waiting import wait_until


@pytest.fixture
def there() -> Iterator[Issuer]:
    with issuer() as made:
        yield made


def ask(**given: Any) -> str:
    [examination] = examinations(LibrarySettings(**given))
    return examination.ask()


def test_it_says_which_keys_count_and_for_whom_tokens_are(there: Issuer) -> None:
    there.keys["two"] = new_key()
    named = {"JWT_ISSUER": "https://id.example", "JWT_AUDIENCE": ("shop", "app")}
    assert ask(JWT_JWKS_URL=there.url, **named) == (
        "keys: 2 at ORDERCAST_JWT_JWKS_URL, ES256; tokens of https://id.example; for shop, app"
    )
    assert ask(JWT_PUBLIC_KEY=public_pem(new_key())) == "keys: ORDERCAST_JWT_PUBLIC_KEY, ES256"
    assert ask(JWT_SECRET_KEY=SECRET) == "keys: ORDERCAST_JWT_SECRET_KEY"
    assert ask() == "keys: none, and no token is verified"


def test_keys_that_cannot_be_read_fail_it(there: Issuer) -> None:
    there.status = 404
    with pytest.raises(Unhealthy, match="its keys cannot be read: HTTP 404: no document") as caught:
        ask(JWT_JWKS_URL=there.url)
    assert caught.value.args[1].startswith("Check ORDERCAST_JWT_JWKS_URL from this host.")


def test_keys_whose_tokens_may_be_for_anybody_are_a_warning(there: Issuer) -> None:
    with pytest.raises(
        Doubtful, match="ORDERCAST_JWT_ISSUER and ORDERCAST_JWT_AUDIENCE are not set"
    ):
        ask(JWT_JWKS_URL=there.url)


def test_keys_that_come_by_http_are_a_warning(
    there: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", there.url.removesuffix("/keys"))  # stands in for any host
    with pytest.raises(Doubtful, match="its keys come by http"):
        ask(JWT_JWKS_URL="http://id.example/keys", JWT_ISSUER="x")
    assert there.asked == 1


def test_a_process_is_not_ready_before_it_has_read_them_once(
    there: Issuer, start: Callable[..., Any] | Start, settings: Settings
) -> None:
    there.status = 500
    process = start(JWT_JWKS_URL=there.url)
    visitor = Visitor(process.app)

    def readiness() -> str:
        answer: dict[str, str] = visitor.call("GET", "/readyz").json or {}
        return answer["issuer"]

    assert readiness() == "unavailable"
    there.status = 200
    wait_until(lambda: readiness() == "ok", "the keys are read")
    there.status = 500
    assert readiness() == "ok"
