"""The seller's pages under a hand: nothing moves where it points, and one press acts once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import copies
from tests.harness.clients.browser import PHONE, Visit
from tests.harness.people.person import Person
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

# Notes the tones and notifications that the page makes, and hides the page from itself.
LISTEN_FOR_ALERTS = """
window.tones = 0;
window.notes = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) {
  window.tones += 1;
  return start.apply(this, given);
};
window.Notification = new Proxy(window.Notification, {
  construct(target, given) {
    window.notes.push(given[0]);
    return new target(...given);
  },
});
Object.defineProperty(document, "hidden", { get: () => window.isHidden === true });
"""
PIECE = 30  # tickets of a column that are drawn at first
UNDO_MS = 8_000  # as long as an early end can be undone


def sells(bob: Person, alice: Person, count: int) -> list[Any]:
    """So many pending orders of the seller, the oldest first."""
    product = bob.offers(stock=100)
    return [alice.orders(product) for _ in range(count)]


def moves_of(one: Visit) -> list[str]:
    """The orders that this window has asked to move, each time that it did."""
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url.split("/")[-2])
        route.continue_()

    one.page.route("**/status", note)
    return asked


def button(ticket: Locator, name: str) -> Locator:
    return ticket.get_by_role("button", name=name)


def choose(one: Visit, order: Any, name: str) -> Locator:
    """Open the order's menu -> the entry, to be pressed."""
    button(one.ticket(order), "More").click()
    return one.page.get_by_role("menuitem", name=f"{name} {order['orderNumber']}")


def top_of(ticket: Locator) -> float:
    box = ticket.bounding_box()
    assert box is not None
    return box["y"]


def test_enter_that_is_held_or_repeats_moves_an_order_once(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    held, repeated = sells(bob, alice, 2)
    his = visit()
    asked = moves_of(his)
    his.sign_in(bob.credentials)
    for order, press in ((held, his.page.keyboard.down), (repeated, his.page.keyboard.press)):
        button(his.ticket(order), "Confirm").focus()
        for _ in range(60):  # two seconds of a keyboard
            press("Enter")
        his.page.keyboard.up("Enter")
        expect(his.column("confirmed").locator(his.ticket(order))).to_be_visible()
        expect(button(his.ticket(order), "Start work")).to_be_focused()
        expect(button(his.ticket(order), "Start work")).to_be_enabled()
    assert asked == [held["id"], repeated["id"]]
    assert {one["status"] for one in bob.get("/api/orders")["orders"]} == {"confirmed"}


def test_a_double_click_moves_one_order(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    first, second = sells(bob, alice, 2)
    his = visit()
    asked = moves_of(his)
    his.sign_in(bob.credentials)
    button(his.ticket(first), "Confirm").dblclick()
    expect(his.column("confirmed").locator(his.ticket(first))).to_be_visible()
    expect(his.page.locator(f'[data-gap="{first["id"]}"]')).to_be_visible()
    # The second click on an entry hits the ticket beneath the closed menu.
    choose(his, second, "Cancel").dblclick()
    expect(button(his.ticket(second), "Undo")).to_be_visible()
    expect(button(his.ticket(first), "Start work")).to_be_enabled()  # its move was answered
    assert asked == [first["id"]]


def test_two_taps_move_one_order(alice: Person, bob: Person, visit: Callable[..., Visit]) -> None:
    first, second = sells(bob, alice, 2)
    his = visit(size=PHONE, has_touch=True)
    asked = moves_of(his)
    his.sign_in(bob.credentials)
    box = button(his.ticket(first), "Confirm").bounding_box()
    assert box is not None
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    his.page.touchscreen.tap(*place)
    his.page.touchscreen.tap(*place)
    expect(his.column("confirmed").locator(his.ticket(first))).to_be_attached()
    expect(his.page.locator(f'[data-gap="{first["id"]}"]')).to_have_count(0)  # a moment later
    expect(his.column("pending").locator(his.ticket(second))).to_be_visible()
    expect(button(his.ticket(first), "Start work")).to_be_enabled()
    assert asked == [first["id"]]


def test_what_others_do_moves_nothing_under_the_pointer(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    first, second, third, fourth = sells(bob, alice, 4)
    for order in (third, fourth):
        for status in ("confirmed", "processing", "shipped"):
            bob.patch(f"/api/orders/{order['id']}/status", {"status": status})
    bob.patch(f"/api/orders/{third['id']}/status", {"status": "delivered"})
    his = visit()
    his.sign_in(bob.credentials)
    button(his.ticket(second), "Confirm").hover()
    before = top_of(his.ticket(second))

    bob.patch(f"/api/orders/{first['id']}/status", {"status": "cancelled"})
    (arrival,) = sells(bob, alice, 1)
    expect(his.column("pending").locator(his.ticket(arrival))).to_be_visible()
    expect(his.page.locator(f'[data-gap="{first["id"]}"]')).to_contain_text("Cancelled")
    assert top_of(his.ticket(second)) == before
    his.page.mouse.move(0, 0)
    expect(his.page.locator(f'[data-gap="{first["id"]}"]')).to_have_count(0)
    assert top_of(his.ticket(second)) < before

    # The latest of the delivered ones is the first: the next waits.
    button(his.ticket(third), "More").hover()
    before = top_of(his.ticket(third))
    bob.patch(f"/api/orders/{fourth['id']}/status", {"status": "delivered"})
    news = his.column("delivered").get_by_role("button", name="1 new")
    expect(news).to_be_visible()
    expect(his.ticket(fourth)).to_have_count(0)
    assert top_of(his.ticket(third)) == before
    news.click()
    expect(his.ticket(fourth)).to_be_visible()
    assert top_of(his.ticket(fourth)) < top_of(his.ticket(third))


def test_the_focus_stays_with_its_order_whoever_moves_it(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    first, second = sells(bob, alice, 2)
    his = visit()
    his.sign_in(bob.credentials)
    button(his.ticket(first), "Confirm").focus()
    his.page.keyboard.press("ArrowDown")
    expect(button(his.ticket(second), "Confirm")).to_be_focused()
    bob.patch(f"/api/orders/{second['id']}/status", {"status": "confirmed"})
    expect(button(his.ticket(second), "Start work")).to_be_focused()
    button(his.ticket(first), "Confirm").click()
    expect(button(his.ticket(first), "Start work")).to_be_focused()


def test_an_early_end_is_behind_a_menu_and_can_be_undone(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    kept, cancelled, refunded = sells(bob, alice, 3)
    for status in ("confirmed", "processing", "shipped", "delivered"):
        bob.patch(f"/api/orders/{refunded['id']}/status", {"status": status})
    his = visit()
    his.page.clock.install()
    asked = moves_of(his)
    his.sign_in(bob.credentials)
    expect(his.page.get_by_role("button", name="Refund")).to_have_count(0)

    choose(his, kept, "Cancel").click()
    expect(button(his.ticket(kept), "Undo")).to_be_focused()
    button(his.ticket(kept), "Undo").click()
    expect(button(his.ticket(kept), "Confirm")).to_be_focused()
    choose(his, cancelled, "Cancel").click()
    with his.page.expect_event("dialog") as asks:  # a page that is closed would forget it
        his.page.close(run_before_unload=True)
    assert asks.value.type == "beforeunload"
    asks.value.dismiss()
    with his.page.expect_response("**/status"):
        his.page.clock.fast_forward(UNDO_MS)
    expect(his.column("closed").locator(his.ticket(cancelled))).to_contain_text("Cancelled")
    assert asked == [cancelled["id"]]

    his.tolerated = "status of 401"  # of a list that is read while the seller signs out
    choose(his, refunded, "Refund").click()
    expect(button(his.ticket(refunded), "Undo")).to_be_visible()
    with his.page.expect_response("**/status"):
        his.page.get_by_role("button", name="Sign out").click()
    expect(his.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    statuses = {one["id"]: one["status"] for one in bob.get("/api/orders")["orders"]}
    assert statuses == {
        kept["id"]: "pending",
        cancelled["id"]: "cancelled",
        refunded["id"]: "refunded",
    }


def test_many_orders_are_moved_at_once_and_the_title_counts_those_that_wait(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    orders = sells(bob, alice, 6)
    his = visit()
    his.sign_in(bob.credentials)
    expect(his.page).to_have_title("(6) Orders · Ordercast")
    his.page.get_by_role("button", name="Select", exact=True).click()
    his.column("pending").get_by_label("Select all").check()
    his.page.get_by_label(f"Select {orders[0]['orderNumber']}").uncheck()
    his.page.get_by_role("button", name="Confirm 5").dblclick()
    expect(his.column("confirmed").locator(".ticket")).to_have_count(5)
    expect(his.page).to_have_title("(1) Orders · Ordercast")
    expect(his.page.get_by_role("group", name="Selected orders")).to_contain_text("0 selected")
    his.page.get_by_role("button", name="Done").click()
    expect(button(his.ticket(orders[0]), "Confirm")).to_be_enabled()

    def confirmed() -> int:
        return len(bob.get("/api/orders?status=confirmed")["orders"])

    wait_until(lambda: confirmed() == 5, "five are confirmed")


def test_orders_are_dragged_to_where_they_can_go(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    first, second = sells(bob, alice, 2)
    his = visit()
    asked = moves_of(his)
    his.sign_in(bob.credentials)
    expect(his.ticket(first)).to_contain_text("Expires in 30 min")
    his.ticket(first).drag_to(his.column("confirmed"))
    expect(his.column("confirmed").locator(his.ticket(first))).to_be_visible()
    expect(button(his.ticket(first), "Start work")).to_be_enabled()  # its move was answered
    his.ticket(second).drag_to(his.column("shipped"))
    expect(his.column("pending").locator(his.ticket(second))).to_be_visible()
    his.ticket(second).drag_to(his.column("closed"))
    expect(button(his.ticket(second), "Undo")).to_be_visible()
    assert asked == [first["id"]]


def test_the_board_is_searched_by_number_customer_and_product(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    tea, pot = bob.offers(name="Assam"), bob.offers(name="Teapot")
    orders = [alice.orders(tea), alice.orders(pot)]
    his = visit()
    his.sign_in(bob.credentials)
    expect(his.page.locator(".ticket")).to_have_count(2)
    search = his.page.get_by_role("searchbox")
    for sought, found in (
        ("teapot", 1),
        (orders[0]["orderNumber"][-4:], 0),
        ("a CUSTOMER assam", 0),
    ):
        search.fill(sought)
        expect(his.page.locator(".ticket")).to_have_count(1)
        expect(his.ticket(orders[found])).to_be_visible()


def test_a_new_order_is_heard_and_seen_on_the_desktop_if_the_seller_asks(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    product = bob.offers(stock=100)
    his = visit(permissions=["notifications"])
    his.context.add_init_script(LISTEN_FOR_ALERTS)
    his.page.reload()
    his.sign_in(bob.credentials)
    alice.orders(product)
    expect(his.page.locator(".ticket")).to_have_count(1)
    alerts = "[window.tones, window.notes.length]"
    assert his.page.evaluate(alerts) == [0, 0]

    for name in ("Sound for new orders", "Desktop notifications for new orders"):
        his.page.get_by_role("button", name="Alerts").click()
        his.page.get_by_role("menuitem", name=name).click()
    his.page.reload()  # both are remembered
    expect(his.page.locator('.badge[data-transport="websocket"]')).to_be_visible()
    his.page.evaluate("window.isHidden = true")
    order = alice.orders(product)
    expect(his.page.locator(".ticket")).to_have_count(2)
    his.page.wait_for_function(f"{alerts}.join() === '1,1'")  # the list may be drawn before
    assert order["orderNumber"] in his.page.evaluate("window.notes[0]")


def test_a_thousand_orders_are_drawn_piece_by_piece(
    alice: Person, bob: Person, visit: Callable[..., Visit], service: Service
) -> None:
    (last,) = sells(bob, alice, 1)
    copies(service, last, ("pending", "delivered"), 500)
    his = visit()
    his.sign_in(bob.credentials)
    pending, delivered = his.column("pending"), his.column("delivered")
    expect(pending.locator(".count")).to_have_text("501 orders")  # the ended ones: the newest 200
    expect(delivered.locator(".count")).to_have_text("200 orders")
    drawn = pending.locator(".ticket")
    expect(drawn).to_have_count(PIECE)
    expect(his.ticket(last)).to_have_count(0)  # copied as older: it is the last
    top = top_of(pending.get_by_role("heading", name="Pending"))
    pending.get_by_text("More", exact=True).scroll_into_view_if_needed()
    expect(drawn).to_have_count(2 * PIECE)
    assert top_of(pending.get_by_role("heading", name="Pending")) == top
    his.page.get_by_role("searchbox").fill(last["orderNumber"])
    button(his.ticket(last), "Confirm").click()
    expect(his.column("confirmed").locator(his.ticket(last))).to_be_visible()

    # Of some days the chart has all; without an end it has a thousand, and the file has all.
    his.go("Sales")
    his.page.get_by_label("From").fill((datetime.now(UTC) - timedelta(days=2)).date().isoformat())
    said = his.page.get_by_role("status").filter(has_text="without cancelled")
    expect(said).to_contain_text("1,001 orders,")
    his.page.get_by_role("button", name="All orders").click()
    expect(said).to_contain_text("1,000+ orders,")
    with his.page.expect_download() as saves:
        his.page.get_by_role("button", name="Save as CSV").click()
    assert len(Path(saves.value.path()).read_text().splitlines()) == 1 + 1_001


def test_all_orders_are_reached_summed_up_and_saved(
    alice: Person, bob: Person, visit: Callable[..., Visit], service: Service
) -> None:
    first, last = sells(bob, alice, 2)  # at 2.50
    copies(service, first, ("delivered", "cancelled"), 75)
    his = visit()
    his.sign_in(bob.credentials)
    his.go("Sales")
    rows = his.page.locator(".sales li")
    his.page.get_by_role("button", name="All orders").click()
    expect(his.page.get_by_text("152 orders, €192.50 without")).to_be_visible()
    expect(his.page.get_by_role("img", name="Revenue and orders")).to_be_visible()
    expect(rows).to_have_count(51)

    def all_are_drawn() -> bool:
        rows.last.scroll_into_view_if_needed()
        return rows.count() == 152

    wait_until(all_are_drawn, "the last row is drawn")

    with his.page.expect_download() as saves:
        his.page.get_by_role("button", name="Save as CSV").click()
    lines = Path(saves.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + 152
    assert last["orderNumber"] in "".join(lines)

    his.page.evaluate("window.scrollTo(0, 0)")
    (news,) = sells(bob, alice, 1)
    expect(his.page.get_by_role("button", name="1 new")).to_be_visible()
    expect(rows.filter(has_text=news["orderNumber"])).to_have_count(0)
    his.page.get_by_role("button", name="1 new").click()
    expect(rows.first).to_contain_text(news["orderNumber"])

    his.page.get_by_label("Status").select_option("Pending")
    his.page.get_by_label("Search").fill(last["orderNumber"])
    expect(rows).to_have_count(1)
    button(rows, "Confirm").click()
    expect(rows).to_contain_text("Confirmed")
    his.page.get_by_label("Until").fill("2020-01-01")
    expect(his.page.get_by_role("heading", name="No orders")).to_be_visible()
    assert his.violations() == []


def test_stock_is_changed_by_a_difference_and_the_scarcest_is_first(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    plenty = bob.offers(name="Assam", stock=20)
    scarce = bob.offers(name="Keemun", stock=3)
    his = visit()
    his.sign_in(bob.credentials)
    his.go("Stock")
    rows = his.page.locator(".stock li")
    expect(rows.locator("h2")).to_have_text(["Keemun", "Assam"])

    his.page.get_by_label("How many of Assam").fill("5")
    alice.orders(plenty, 19)  # sold while the seller counts
    for _ in range(30):
        his.page.keyboard.down("Enter")
    his.page.keyboard.up("Enter")
    expect(rows.filter(has_text="Assam")).to_contain_text("6 left")
    stock = {
        one["name"]: one["stock"] for one in bob.get(f"/api/products?sellerId={bob.id}")["products"]
    }
    assert stock["Assam"] == 6

    his.page.get_by_label("How many of Assam").fill("4")
    his.page.get_by_role("button", name="Remove from Assam").click()
    expect(rows.filter(has_text="Assam")).to_contain_text("2 left")
    expect(rows.locator("h2")).to_have_text(["Keemun", "Assam"])  # while the hand is there
    his.page.locator("h1").click()
    expect(rows.locator("h2")).to_have_text(["Assam", "Keemun"])

    his.tolerated = "status of 409"
    his.page.get_by_label("How many of Keemun").fill(str(scarce["stock"] + 1))
    his.page.get_by_role("button", name="Remove from Keemun").click()
    expect(his.page.get_by_text("Keemun is as it was")).to_be_visible()
    expect(rows.filter(has_text="Keemun")).to_contain_text("3 left")


def test_products_are_added_changed_hidden_and_given_a_picture(
    alice: Person, bob: Person, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    hers, his = visit(), visit()
    his.sign_in(bob.credentials)
    his.go("Stock")
    his.page.screenshot(path=tmp_path / "any.png")  # a picture that is too large as it is
    his.page.get_by_role("button", name="Add a product").click()
    his.page.get_by_label("Name").fill("Darjeeling")
    his.page.get_by_label("Price in EUR").fill("12.35")
    his.page.get_by_label("In stock").fill("7")
    his.page.get_by_label("Picture").set_input_files(tmp_path / "any.png")
    assert his.violations() == []
    his.page.get_by_role("button", name="Save").dblclick()
    rows = his.page.locator(".stock li")
    expect(rows).to_have_count(1)
    expect(his.page.get_by_role("button", name="Add a product")).to_be_focused()
    (added,) = bob.get(f"/api/products?sellerId={bob.id}")["products"]
    assert (added["name"], added["priceCents"], added["stock"]) == ("Darjeeling", 1235, 7)
    hers.sign_in(alice.credentials)
    offer = hers.page.locator(".product", has_text="Darjeeling")
    expect(offer.locator("img")).to_have_js_property("naturalWidth", 640)

    his.page.get_by_role("button", name="More for Darjeeling").click()
    his.page.get_by_role("menuitem", name="Change Darjeeling").click()
    his.page.get_by_label("Name").fill("First flush")
    his.page.get_by_label("Remove the picture").check()
    his.page.get_by_role("button", name="Save").click()
    expect(rows.locator("h2")).to_have_text("First flush")
    his.page.get_by_role("button", name="More for First flush").click()
    his.page.get_by_role("menuitem", name="Hide from the shop").click()
    expect(rows).to_contain_text("Hidden")
    (changed,) = bob.get(f"/api/products?sellerId={bob.id}")["products"]
    assert (changed["stock"], changed["hidden"], changed["pictureUrl"]) == (7, True, None)
    assert alice.get(f"/api/products?sellerId={bob.id}")["products"] == []
