"""A customer and a seller, each in a window, and what one does is on the other's screen."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Route, expect

from tests.harness.clients.browser import PHONE, Visit
from tests.harness.people.person import Person, notify
from tests.harness.waiting import wait_until

BURST = 30  # orders


def test_an_order_moves_on_both_screens_and_nobody_reloads(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    bob.offers(name="Assam", stock=3, lowStockThreshold=2)
    hers, his = visit(), visit()
    hers.sign_in(alice.credentials)
    his.sign_in(bob.credentials)
    expect(his.page.get_by_text("No orders yet")).to_be_visible()

    hers.page.get_by_role("button", name="Add Assam to the basket").click()
    hers.page.get_by_role("button", name="Place order").click()
    expect(hers.page.get_by_text("Nothing in it yet.")).to_be_visible()
    order = alice.get("/api/orders")["orders"][0]

    ticket = his.ticket(order)
    expect(his.column("pending").locator(ticket)).to_be_visible()
    expect(his.page.get_by_text("Assam is running low")).to_be_visible()
    hers.go("My orders")
    expect(hers.order(order)).to_contain_text("Pending")
    ticket.get_by_role("button", name="Confirm").click()
    expect(his.column("confirmed").locator(ticket)).to_be_visible()
    expect(hers.order(order).locator(".status")).to_have_text("Confirmed")
    expect(hers.order(order).get_by_role("button", name="Cancel")).to_have_count(0)

    for step, verb in (("processing", "Start work"), ("shipped", "Ship"), ("delivered", "Mark")):
        # The focus went along with the order: the next step is one key away.
        expect(ticket.get_by_role("button", name=verb)).to_be_focused()
        expect(ticket.get_by_role("button", name=verb)).to_be_enabled()
        his.page.keyboard.press("Enter")
        expect(his.column(step).locator(ticket)).to_be_visible()
        expect(hers.order(order).locator(f'.status[data-status="{step}"]')).to_be_visible()
    expect(hers.order(order).locator("li[aria-current=step]")).to_have_text("Delivered")
    assert alice.get(f"/api/orders/{order['id']}")["status"] == "delivered"
    for one in (hers, his):
        assert one.badges() in (["connecting", "live"], ["live"])
        assert len([url for url in one.requests if url == f"{one.url}/"]) == 1


def test_an_order_placed_elsewhere_appears_and_the_seller_sees_it_cancelled(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    hers, his = visit(size=PHONE), visit(size=PHONE)
    his.sign_in(bob.credentials)
    hers.sign_in(alice.credentials)
    hers.go("My orders")
    expect(hers.page.get_by_text("No orders yet")).to_be_visible()
    order = alice.orders(bob.offers())
    expect(his.ticket(order)).to_be_visible()
    hers.order(order).get_by_role("button", name="Cancel").click()
    expect(hers.order(order).locator(".status")).to_have_text("Cancelled")
    expect(his.column("closed").locator(his.ticket(order))).to_contain_text("Cancelled")


def test_a_move_is_shown_at_once_and_taken_back_when_it_is_refused(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    order = alice.orders(bob.offers())
    his = visit()
    his.sign_in(bob.credentials)
    his.tolerated = "status of 409"
    waiting: list[Route] = []
    his.page.route("**/status", lambda route: waiting.append(route))
    his.ticket(order).get_by_role("button", name="Confirm").click()
    expect(his.column("confirmed").locator(his.ticket(order))).to_be_visible()
    error = {"error": {"code": "version_conflict", "message": "Not that one"}}
    waiting[0].fulfill(status=409, json=error)
    expect(his.column("pending").locator(his.ticket(order))).to_be_visible()
    expect(his.page.get_by_text("was not moved")).to_be_visible()
    expect(his.ticket(order).get_by_role("button", name="Confirm")).to_be_focused()
    his.page.unroute("**/status")
    expect(his.ticket(order).get_by_role("button", name="Confirm")).to_be_enabled()
    his.page.keyboard.press("Enter")
    expect(his.column("confirmed").locator(his.ticket(order))).to_be_visible()


def test_an_order_that_nobody_can_fill_says_so(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    product = bob.offers(name="Rare", stock=1)
    hers = visit()
    hers.sign_in(alice.credentials)
    hers.tolerated = "status of 409"
    hers.page.get_by_role("button", name="Add Rare to the basket").click()
    bob.post(f"/api/products/{product['id']}/stock", {"stock": 0})
    hers.page.get_by_role("button", name="Place order").click()
    expect(hers.page.get_by_role("alert").get_by_text("not enough left")).to_be_visible()
    expect(hers.page.locator(".product", has_text="Rare")).to_contain_text("Sold out")


def test_an_order_is_placed_with_the_keyboard_alone(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    bob.offers(name="Keemun")
    hers = visit()
    hers.sign_in(alice.credentials)
    hers.page.get_by_role("button", name="Add Keemun to the basket").focus()
    hers.page.keyboard.press("Enter")
    expect(hers.page.get_by_role("button", name="One more")).to_be_focused()
    hers.page.keyboard.press("Enter")
    hers.go("My orders")
    hers.go("Shop")  # and the basket is as it was
    expect(hers.page.get_by_role("complementary")).to_contain_text(re.compile("2 . Keemun"))
    hers.page.get_by_role("button", name="Place order").focus()
    hers.page.keyboard.press("Enter")
    expect(hers.page.locator(".toast")).to_contain_text("is placed")
    assert alice.get("/api/orders")["orders"][0]["items"][0]["quantity"] == 2


def test_thirty_orders_at_once_are_thirty_tickets_and_one_message(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    product = bob.offers(stock=BURST)
    his = visit()
    his.sign_in(bob.credentials)
    with ThreadPoolExecutor(6) as pool:
        orders = list(pool.map(lambda _: alice.orders(product), range(BURST)))
    expect(his.page.locator(".ticket")).to_have_count(BURST)
    for order in orders:
        expect(his.ticket(order)).to_have_count(1)
    expect(his.column("pending").locator(".count")).to_have_text(re.compile(rf"^{BURST}\b"))
    expect(his.page.locator(".toast[data-kind=order]")).to_contain_text(f"New order ({BURST})")
    assert his.page.locator(".toast").count() <= 3
    his.go("Stock")
    expect(his.page.locator(f"[data-product='{product['id']}']")).to_contain_text("0 left")


def test_the_arrows_go_from_order_to_order(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    product = bob.offers()
    first, second, third = (alice.orders(product) for _ in range(3))
    bob.patch(f"/api/orders/{first['id']}/status", {"status": "confirmed"})
    his = visit()
    his.sign_in(bob.credentials)
    his.ticket(second).get_by_role("button", name="Confirm").focus()
    for key, there in (("ArrowDown", third), ("ArrowRight", first), ("ArrowLeft", second)):
        his.page.keyboard.press(key)
        expect(his.ticket(there).get_by_role("button").first).to_be_focused()


def test_a_notification_is_a_message_and_stays_in_the_list_until_it_is_read(
    alice: Person, visit: Callable[..., Visit]
) -> None:
    hers = visit()
    hers.sign_in(alice.credentials)
    notify(alice.url, alice.id, title="Rain", message="Parcels are late.")
    expect(hers.page.locator(".toast")).to_contain_text("Parcels are late.")
    hers.go("Notifications")
    hers.page.get_by_role("button", name="Mark as read: Rain").click()
    expect(hers.page.locator(".notices")).to_contain_text("Read")
    hers.page.reload()
    expect(hers.page.locator(".notices")).to_contain_text("Read")

    def is_read() -> bool:  # after the page: it was marked before the list had it
        return alice.get("/api/notifications")["notifications"][0]["readAt"] is not None

    wait_until(is_read, "it is read")
