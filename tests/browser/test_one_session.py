"""One session for all tabs of a browser, which lasts until somebody ends it."""

from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.harness.clients.browser import NETWORK, Visit
from tests.harness.people.person import Person
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

REFRESH = "**/api/auth/session/refresh"


def test_all_tabs_of_a_browser_are_one_person(
    alice: Person, bob: Person, visit: Callable[..., Visit], service: Service
) -> None:
    one = visit()
    one.sign_in(bob.credentials)
    assert one.page.evaluate("document.cookie") == ""
    [cookie] = one.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    kept = "JSON.stringify([{...localStorage}, {...sessionStorage}])"
    assert "eyJ" not in one.page.evaluate(kept), "a token where scripts read it"

    # A bookmark, Ctrl-click, a duplicated tab: its sibling gives it the access token.
    two = one.tab("/notifications")
    two.is_live()
    assert not [url for url in one.requests if "/refresh" in url]

    for tab in (one, two):
        tab.page.reload()
    for tab in (one, two):
        tab.is_live()

    assert service.flask("disconnect", "--user", bob.id).returncode == 0
    for tab in (one, two):
        tab.has_shown("reconnecting")
        tab.is_live()

    two.page.get_by_role("button", name="Sign out").click()
    for tab in (one, two):
        expect(tab.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    wait_until(lambda: one.context.cookies() == [], "the service has ended the session")

    one.sign_in(alice.credentials)
    two.is_live()
    for tab in (one, two):
        expect(tab.page.get_by_role("link", name="My orders")).to_be_visible()


def test_a_reload_shows_the_page_at_once_and_waits_for_a_service_that_is_late(
    bob: Person, visit: Callable[..., Visit]
) -> None:
    his = visit()
    his.tolerated = NETWORK
    his.sign_in(bob.credentials)
    waiting: list[Route] = []
    his.page.route(REFRESH, lambda route: waiting.append(route))
    his.page.reload()
    # Before the service has answered anything about the session.
    expect(his.page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(his.page.get_by_role("heading", name="Orders")).to_be_visible()
    expect(his.page.get_by_label("E-mail address")).to_have_count(0)

    def is_asked() -> bool:
        his.page.wait_for_timeout(50)
        return bool(waiting)

    wait_until(is_asked, "it asks for a token")
    error = {"error": {"code": "database_unavailable", "message": "The database is busy."}}
    waiting[0].fulfill(status=503, json=error)
    his.shows("unanswered")
    expect(his.page.get_by_role("alert")).to_contain_text("The database is busy. It is tried again")
    his.page.unroute(REFRESH)
    his.is_live()
    expect(his.page.get_by_role("alert")).to_have_count(0)

    his.context.set_offline(True)
    his.shows("offline")
    his.context.set_offline(False)
    his.is_live()
