"""The administrators' page: what runs, who is connected, what happened, and what is done about
it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from app.demo import PASSWORD
from tests.harness.clients.browser import DESK, PHONE, Visit
from tests.harness.people.person import Person, log_in, notify
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

ADMIN = ("admin@example.com", PASSWORD)


@pytest.fixture
def admin(service: Service) -> tuple[str, str]:
    assert service.flask("demo-data").returncode == 0
    return ADMIN


def view(one: Visit, name: str) -> None:
    one.page.get_by_role("group", name="Views").get_by_role("button", name=name).click()


def is_accessible(one: Visit) -> None:
    wait_until(lambda: one.page.evaluate("document.getAnimations().length") == 0, "nothing moves")
    assert one.violations() == []


def test_an_administrator_sees_what_runs_and_acts_on_it(
    admin: tuple[str, str], alice: Person, service: Service, visit: Callable[..., Visit]
) -> None:
    hers = visit()
    hers.tolerated = "status of 401"  # in the end her account is disabled
    hers.sign_in(alice.credentials)
    notify(service.url, alice.id, title="Hello", message="World")
    one = visit()
    one.sign_in(admin)
    page, email = one.page, alice.credentials[0]

    expect(page).to_have_url(re.compile("/(admin)?$"))
    facts = page.locator(".admin-facts")
    expect(facts).to_contain_text(re.compile("Connections[1-9]"))
    expect(facts).to_contain_text(re.compile("Workers[1-9]"))
    is_accessible(one)

    view(one, "Journal")
    page.get_by_label("Room").fill(f"user:{alice.id}")
    row = page.locator(".admin-rows > li", has_text="notification").first
    row.get_by_role("button", name="Trace").click()
    expect(row).to_contain_text('"title":"Hello"')
    expect(row).to_contain_text("sent")
    is_accessible(one)

    view(one, "Connections")
    page.get_by_label("User: id or e-mail address").fill(admin[0])
    expect(page.locator(".admin-rows > li").first).to_contain_text("websocket")
    is_accessible(one)

    view(one, "Inbox")
    expect(page.get_by_text("refused entries").first).to_be_visible()
    is_accessible(one)

    view(one, "Users")
    page.get_by_label("E-mail address, name or id").fill(email)
    row = page.locator(".admin-rows > li", has_text=email)
    expect(row).to_be_visible()
    is_accessible(one)  # before messages come and go
    row.get_by_role("button", name="Make seller").click()
    page.keyboard.press("Tab")  # away from it: nothing is done
    row.get_by_role("button", name="Disable").click()
    row.get_by_role("button", name="Disable?").click()
    expect(row).to_contain_text("disabled")
    expect(hers.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    row.get_by_role("button", name="Enable").click()
    expect(row).not_to_contain_text("disabled")

    row.get_by_role("button", name="New password").click()
    row.get_by_role("button", name="New password?").click()
    password = row.locator("code").inner_text()
    assert log_in(service.url, email, password).id == alice.id

    view(one, "Audit")
    rows = page.locator(".admin-rows > li")
    for number, action in enumerate(("change password", "enable user", "disable user")):
        expect(rows.nth(number)).to_contain_text(action)
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
