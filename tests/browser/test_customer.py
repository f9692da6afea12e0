"""The customer's pages under a hand: orders with their addresses, the basket, and messages."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import copies
from tests.harness.clients.browser import PHONE, Visit
from tests.harness.people.person import Person
from tests.harness.processes.service import Service

PAGE = 50  # orders that are listed at first


def test_every_order_is_in_the_list_and_has_a_page_that_tells_what_happened(
    alice: Person, bob: Person, visit: Callable[..., Visit], service: Service
) -> None:
    tea = bob.offers(name="Assam", stock=100)
    oldest = alice.orders(tea)
    copies(service, oldest, ("delivered",), PAGE + 4)
    hers = visit(f"{service.url}/orders")
    hers.sign_in(alice.credentials)
    expect(hers.page.get_by_role("heading", name="My orders")).to_be_visible()
    expect(hers.page.locator(".order")).to_have_count(PAGE)
    order = alice.orders(tea, 2)  # by a script, or in another tab
    expect(hers.order(order)).to_be_visible()
    hers.page.get_by_role("button", name="Older orders").click()
    expect(hers.page.locator(".order")).to_have_count(PAGE + 6)
    expect(hers.order(oldest)).to_have_count(1)
    expect(hers.page.get_by_role("button", name="Older orders")).to_have_count(0)

    bob.patch(f"/api/orders/{order['id']}/status", {"status": "confirmed"})
    hers.page.locator(".toast").get_by_role("link", name=order["orderNumber"]).click()
    expect(hers.page).to_have_url(f"{service.url}/orders/{order['id']}")
    expect(hers.page.get_by_role("heading", name=order["orderNumber"])).to_be_visible()
    expect(hers.page.get_by_role("main")).to_be_focused()
    moves = hers.page.locator(".history li")
    expect(moves).to_have_text([re.compile("Placed by you"), re.compile("Confirmed by A seller")])
    hers.page.reload()
    expect(moves).to_have_count(2)
    bob.patch(f"/api/orders/{order['id']}/status", {"status": "cancelled"})
    expect(moves.last).to_contain_text("Cancelled by A seller, the seller")
    expect(hers.page.locator(".status")).to_have_text("Cancelled")
    assert hers.violations() == []
    hers.page.go_back()
    expect(hers.order(order).locator(".status")).to_have_text("Cancelled")


def test_the_page_of_an_order_is_for_its_parties(
    alice: Person,
    bob: Person,
    person: Callable[..., Person],
    visit: Callable[..., Visit],
    service: Service,
) -> None:
    order = alice.orders(bob.offers(name="Assam"))
    address = f"{service.url}/orders/{order['id']}"
    for somebody, sees in ((bob, "For A customer"), (person("customer"), "no such order")):
        one = visit(address, size=PHONE)
        one.tolerated = "status of 404"
        one.sign_in(somebody.credentials)
        expect(one.page.get_by_role("main")).to_contain_text(sees)
        assert one.violations() == []
