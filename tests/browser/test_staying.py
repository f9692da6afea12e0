"""What a page does when the network, the service or its token goes away."""

import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import Route, expect

from tests.browser.conftest import GRACE_SECONDS, MISSED
from tests.harness.clients.browser import NETWORK, Visit
from tests.harness.faults.proxy import Proxy
from tests.harness.people.person import Person, signed
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

LIFE_SECONDS = 6  # of a token that is to end


def test_a_cut_connection_comes_back_recovered_with_nothing_missing(
    alice: Person, bob: Person, visit: Callable[..., Visit], network: Proxy
) -> None:
    product = bob.offers(stock=100)
    before = alice.orders(product)
    his = visit(network.url)
    his.tolerated = NETWORK
    his.sign_in(bob.credentials)
    expect(his.ticket(before)).to_be_visible()
    network.down()
    his.shows("reconnecting")
    missed = [alice.orders(product) for _ in range(MISSED - 1)]
    bob.patch(f"/api/orders/{before['id']}/status", {"status": "confirmed"})
    expect(his.page.locator(".ticket")).to_have_count(1)
    his.requests.clear()
    network.up()
    his.shows("recovered")
    for order in missed:
        expect(his.column("pending").locator(his.ticket(order))).to_have_count(1)
    expect(his.column("confirmed").locator(his.ticket(before))).to_have_count(1)
    assert not [url for url in his.requests if "/api/orders" in url], "it read the list again"
    his.is_live()


def test_after_too_much_was_missed_the_lists_are_read_again(
    alice: Person, bob: Person, visit: Callable[..., Visit], network: Proxy
) -> None:
    product = bob.offers(stock=100)
    his = visit(network.url)
    his.tolerated = NETWORK
    his.sign_in(bob.credentials)
    network.down()
    his.shows("reconnecting")
    missed = [alice.orders(product) for _ in range(MISSED + 3)]
    network.up()
    his.shows("reloaded")
    expect(his.page.locator(".ticket")).to_have_count(len(missed))


def test_the_service_restarts_under_two_open_pages(
    alice: Person, bob: Person, visit: Callable[..., Visit], service: Service
) -> None:
    order = alice.orders(bob.offers())
    hers, his = visit(), visit()
    for one, who in ((hers, alice), (his, bob)):
        one.tolerated = NETWORK
        one.sign_in(who.credentials)
    hers.go("My orders")
    assert service.web is not None
    service.web.stop()
    for one in (hers, his):
        one.shows("reconnecting")
    service.start_web()
    for one in (hers, his):
        one.shows("recovered")
    his.ticket(order).get_by_role("button", name="Confirm").click()
    expect(hers.order(order).locator(".status")).to_have_text("Confirmed")


def test_a_list_that_could_not_be_read_is_read_when_the_connection_is_back(
    alice: Person, bob: Person, visit: Callable[..., Visit], network: Proxy
) -> None:
    """Recovered: of a list that is not there no event brings the beginning."""
    order = alice.orders(bob.offers())
    hers = visit(network.url)
    hers.tolerated = NETWORK
    hers.sign_in(alice.credentials)
    hers.page.route("**/api/orders?*", lambda route: route.abort())
    hers.go("My orders")
    expect(hers.page.get_by_role("button", name="Try again")).to_be_visible()
    hers.page.unroute("**/api/orders?*")
    network.down()
    hers.shows("reconnecting")
    network.up()
    hers.shows("recovered")
    expect(hers.order(order)).to_be_visible()


def short_lived(his: Visit, person: Person) -> list[str]:
    """The next login in this window gives a token that soon ends -> when refreshing was asked."""

    def shorten(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        ends = int(time.time()) + LIFE_SECONDS
        body["accessToken"] = signed(sub=person.id, role=body["user"]["role"], exp=ends)
        route.fulfill(response=answer, json={**body, "expiresIn": LIFE_SECONDS})

    his.page.route("**/api/auth/session", shorten)
    asked: list[str] = []
    his.page.on("request", lambda one: asked.append(one.url) if "/refresh" in one.url else None)
    return asked


def pass_the_end_of_the_token(his: Visit, since: float) -> None:
    end = since + LIFE_SECONDS + GRACE_SECONDS + 1

    def has_ended() -> bool:
        his.page.wait_for_timeout(100)
        return time.monotonic() > end

    wait_until(has_ended, "it has ended")


def test_a_token_is_refreshed_before_it_ends_and_nobody_notices(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    his = visit()
    asked = short_lived(his, bob)
    his.sign_in(bob.credentials)
    pass_the_end_of_the_token(his, time.monotonic())
    order = alice.orders(bob.offers())
    expect(his.ticket(order)).to_be_visible()
    assert len(asked) == 1
    assert set(his.badges()) <= {"connecting", "live"}


def test_a_token_that_ended_while_nobody_was_connected_is_refreshed_on_the_way_back(
    alice: Person, bob: Person, visit: Callable[..., Visit], network: Proxy
) -> None:
    his = visit(network.url)
    # A list that is read with the token that has ended is refused, and read again with the next.
    his.tolerated = f"{NETWORK}|status of 401"
    asked = short_lived(his, bob)
    his.sign_in(bob.credentials)
    since = time.monotonic()
    network.down()
    his.shows("reconnecting")
    pass_the_end_of_the_token(his, since)
    order = alice.orders(bob.offers())
    network.up()
    his.shows("recovered")
    expect(his.ticket(order)).to_be_visible()
    assert asked


def test_a_reload_stays_signed_in_and_a_logout_elsewhere_ends_it(
    bob: Person, visit: Callable[..., Visit], service: Service
) -> None:
    his = visit()
    his.tolerated = "status of 401"
    his.sign_in(bob.credentials)
    his.page.reload()
    his.shows("recovered")  # it kept its place over the reload
    his.go("Stock")
    assert service.flask("revoke", "--user", bob.id).returncode == 0
    expect(his.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(his.page.get_by_role("alert")).not_to_be_empty()
    assert his.page.evaluate("localStorage.getItem('ordercast.user')") is None


def test_a_wrong_password_is_said_and_nothing_is_in_the_url(
    bob: Person, visit: Callable[..., Visit]
) -> None:
    his = visit()
    his.tolerated = "status of 401"
    his.page.get_by_label("E-mail address").fill(bob.credentials[0])
    his.page.get_by_label("Password").fill("not this one")
    his.page.keyboard.press("Enter")
    expect(his.page.get_by_role("alert")).to_contain_text("No account with this")
    assert his.page.url == f"{his.url}/"
    his.sign_in(bob.credentials)
    his.page.get_by_role("button", name="Sign out").click()
    expect(his.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    his.page.reload()
    expect(his.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_somebody_new_makes_an_account_and_is_in(visit: Callable[..., Visit]) -> None:
    hers = visit()
    hers.tolerated = "status of 422"
    hers.page.get_by_role("button", name="Make an account").click()
    hers.page.get_by_label("Name").fill("Zoë")
    hers.page.get_by_label("E-mail address").fill(f"zoe-{uuid4().hex}@example.com")
    hers.page.get_by_label("Password").fill("password1234")
    hers.page.get_by_label("I want to").select_option("sell")
    hers.page.get_by_role("button", name="Make the account").click()
    expect(hers.page.get_by_role("alert")).to_contain_text("guessed first")
    hers.page.get_by_label("Password").fill("correct horse battery")
    hers.page.get_by_role("button", name="Make the account").click()
    hers.is_live()
    expect(hers.page.get_by_role("link", name="Stock")).to_be_visible()

    hers.tolerated = "status of (422|403)"
    hers.page.get_by_role("button", name="Zoë", exact=True).click()
    dialog = hers.page.get_by_role("dialog")
    dialog.get_by_label("Present password").fill("not this one")
    dialog.get_by_label("New password").fill("another horse battery")
    dialog.get_by_role("button", name="Change it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("is another one")
    dialog.get_by_label("Present password").fill("correct horse battery")
    dialog.get_by_role("button", name="Change it").click()
    expect(dialog).to_have_count(0)
    expect(hers.page.get_by_text("The password is changed")).to_be_visible()


def test_where_the_accounts_are_another_issuers_the_page_says_so(
    bob: Person, visit: Callable[..., Visit], service: Service, tmp_path: Path
) -> None:
    places = {name.lower(): service.env[name] for name in ("DATABASE_URL", "REDIS_URL")}
    other = Service(tmp_path, **places, JWT_ISSUER="https://id.example/")
    try:
        other.start_web()
        his = visit(other.url)
        his.tolerated = "status of 403"
        his.page.get_by_label("E-mail address").fill(bob.credentials[0])
        his.page.get_by_label("Password").fill(bob.credentials[1])
        his.page.keyboard.press("Enter")
        expect(his.page.get_by_role("alert")).to_contain_text("logins are another service's")
    finally:
        other.stop()
