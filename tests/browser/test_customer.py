"""The customer's pages under a hand: orders with their addresses, the basket, and messages."""

import re
from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.conftest import copies
from tests.harness.clients.browser import NETWORK, PHONE, Visit
from tests.harness.people.person import Person, notify
from tests.harness.processes.external import run_script
from tests.harness.processes.scripts import redis_cli
from tests.harness.processes.service import Service

PAGE = 50  # orders that are listed at first
ASKS_MS = 20_000  # far more than between two questions for the stock


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


def lose_the_answer(route: Route) -> None:
    route.fetch()
    route.abort()


def test_the_basket_outlives_the_page_and_tells_of_each_sellers_order_what_became_of_it(
    alice: Person, bob: Person, person: Callable[..., Person], visit: Callable[..., Visit]
) -> None:
    dora = person("seller")
    rare, pot = bob.offers(name="Rare", stock=3), dora.offers(name="Pot", stock=3)
    hers = visit()
    hers.tolerated = f"status of 409|{NETWORK}"
    hers.sign_in(alice.credentials)
    basket = hers.page.get_by_role("complementary", name="Basket")
    for name in ("Rare", "Pot"):
        hers.page.get_by_role("button", name=f"Add {name} to the basket").click()
    group = hers.page.get_by_role("group", name="Quantity of Rare")
    group.get_by_role("button", name="One more").click()
    hers.page.reload()
    expect(basket).to_contain_text(re.compile(r"2 . Rare.*1 . Pot"))

    bob.post(f"/api/products/{rare['id']}/stock", {"stock": 1})
    line = basket.locator(f"[data-product='{rare['id']}']")
    expect(line).to_contain_text("Only 1 left", timeout=ASKS_MS)
    expect(hers.page.locator(".product", has_text="Rare")).to_contain_text("Only 1 left")
    basket.get_by_role("button", name="Place 2 orders").click()
    expect(basket.get_by_role("list", name="Placed")).to_contain_text("is placed")
    expect(basket.get_by_role("alert")).to_contain_text("not enough left")
    (order,) = alice.get("/api/orders")["orders"]
    assert order["items"][0]["productId"] == pot["id"]
    hers.page.reload()
    expect(basket.get_by_role("alert")).to_contain_text("not enough left")
    assert hers.violations() == []
    basket.get_by_role("button", name="Take 1 of Rare").click()
    expect(basket.get_by_role("alert")).to_be_empty()

    hers.page.route("**/api/orders", lose_the_answer)
    basket.get_by_role("button", name="Place order").click()
    expect(basket.get_by_role("alert")).to_contain_text("No answer came")
    hers.page.unroute("**/api/orders")
    hers.page.reload()
    expect(basket.get_by_role("alert")).to_contain_text("No answer came")
    expect(group.get_by_role("button", name="One less")).to_be_disabled()
    basket.get_by_role("button", name="Place order").click()
    expect(basket).to_contain_text("Nothing in it yet.")
    expect(basket.get_by_role("list", name="Placed")).to_contain_text("is placed")
    assert len(alice.get("/api/orders")["orders"]) == 2


def test_every_notification_stays_in_the_list_also_those_of_scripts(
    alice: Person, visit: Callable[..., Visit], service: Service
) -> None:
    redis_url = service.env["REDIS_URL"]
    address = "https://example.com/" + 60 * "parcel"
    hers = visit(f"{service.url}/notifications", size=PHONE)
    hers.sign_in(alice.credentials)
    expect(hers.page.get_by_text("All quiet")).to_be_visible()

    notify(alice.url, alice.id, title="Stored", message=f"See {address}, or <b>ask</b>.")
    note = {"title": "Durable", "message": f"{service.url}/orders", "type": "info"}
    redis_cli(redis_url, alice.id, note, "a-notification")
    plain = {"title": "Legacy", "message": 200 * "long", "type": "info"}
    run_script(redis_url, f"socketio.emit('notification', {plain!r}, to='user:{alice.id}')")

    def has(one: Visit, *titles: str) -> None:
        expect(one.page.locator(".notices li")).to_have_count(len(titles))
        for title in titles:
            expect(one.page.locator(".notices h2", has_text=title)).to_have_count(1)

    has(hers, "Stored", "Durable", "Legacy")
    tab = hers.page.get_by_role("navigation").get_by_role("link", name="Notifications")
    expect(tab).to_contain_text("3")
    link = hers.page.locator(".notices").get_by_role("link", name="example.com")
    assert link.get_attribute("href") == address
    assert link.get_attribute("rel") == "noopener noreferrer"
    expect(hers.page.locator(".notices")).to_contain_text("<b>ask</b>")
    assert hers.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert hers.violations() == []

    for title in ("Durable", "Legacy"):
        hers.page.get_by_role("button", name=f"Mark as read: {title}").click()
    hers.page.reload()
    has(hers, "Stored", "Durable", "Legacy")
    expect(tab).to_contain_text("1")
    elsewhere = visit(f"{service.url}/notifications")  # where the journal alone has it
    elsewhere.sign_in(alice.credentials)
    has(elsewhere, "Stored", "Durable")
    hers.page.locator(".notices").get_by_role("link", name="/orders").click()
    expect(hers.page.get_by_role("heading", name="My orders")).to_be_visible()
