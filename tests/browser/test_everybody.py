"""The pages for everybody: names of any script, any language, any way to see and to act."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unicodedata import normalize

from playwright.sync_api import expect

from tests.harness.clients.browser import NETWORK, Visit
from tests.harness.clients.seeing import COVERED, CUT, FAINT, LOOKS
from tests.harness.people.person import Person, notify

GREEN_TEA, SENCHA = "תה ירוק", "煎茶"
# Joined emoji, and letters of the second font file.
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467 Łucja Ősz"
ALI = "سمی\u200cمی"  # with the joiner that keeps two letters apart
HOST = "ex\u00e4mple.com"
NOTE = f"חבילה 12 (3 {SENCHA})"

# Texts with letters that are written from the right, in elements that also hold other text.
NOT_ISOLATED = r"""
() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (!/[\p{Script=Hebrew}\p{Script=Arabic}]/u.test(data)) continue;
    if (parentElement.closest("bdi, [dir=auto], .sr") === null) found.push(parentElement.outerHTML);
  }
  return found;
}
"""
# Of each product of an order: from its quantity to its name, with the sign between, in pixels.
GAPS = """
(list) => [...list.querySelectorAll(".item")].map((item) => {
  const range = document.createRange();
  range.selectNode(item.firstChild);
  const number = range.getBoundingClientRect();
  const name = item.querySelector("bdi").getBoundingClientRect();
  return Math.abs(number.top - name.top) > 6 ? 0 : name.left - number.right;
})
"""
ITEMS = f"3 \u00d7 {GREEN_TEA}; 2 \u00d7 {SENCHA}"


def shows_each_quantity_at_its_product(one: Visit, place: str) -> None:
    expect(one.page.locator(place)).to_contain_text(ITEMS)
    gaps = one.page.locator(place).evaluate(GAPS)
    assert len(gaps) == 2
    assert all(0 <= gap < 24 for gap in gaps), (place, gaps)


def test_names_of_every_script_are_whole_and_turn_nothing_around(
    person: Callable[..., Person], visit: Callable[..., Visit]
) -> None:
    ali, lucja = person("customer", ALI, HOST), person("seller", FAMILY)
    teas = [lucja.offers(name=name, stock=9, lowStockThreshold=6) for name in (GREEN_TEA, SENCHA)]
    hers, his = visit(), visit()
    his.sign_in(lucja.credentials)
    email, password = ali.credentials
    hers.sign_in((normalize("NFD", email), password))

    for tea, quantity in zip(teas, (3, 2), strict=True):
        add = hers.page.get_by_role("button", name=f"Add {tea['name']} to the basket")
        add.click()
        for _ in range(quantity - 1):
            group = hers.page.get_by_role("group", name=f"Quantity of {tea['name']}")
            group.get_by_role("button", name="One more").click()
    assert hers.page.evaluate(NOT_ISOLATED) == []
    hers.page.get_by_role("button", name="Place order").click()
    expect(hers.page.locator(".toast")).to_contain_text(FAMILY)
    assert hers.page.evaluate(NOT_ISOLATED) == []
    hers.go("My orders")
    shows_each_quantity_at_its_product(hers, ".order")
    assert hers.page.evaluate(NOT_ISOLATED) == []
    notify(ali.url, ali.id, title=NOTE, message=NOTE)
    hers.go("Notifications")
    expect(hers.page.locator(".notices")).to_contain_text(NOTE)
    assert hers.page.evaluate(NOT_ISOLATED) == []

    expect(his.page.locator(".toast", has_text=ALI)).to_be_visible()
    expect(his.page.locator(".toast", has_text="is running low")).to_contain_text(GREEN_TEA)
    for place in (".toast[data-kind=order]", ".ticket"):
        shows_each_quantity_at_its_product(his, place)
    assert his.page.evaluate(NOT_ISOLATED) == []
    his.go("Sales")
    shows_each_quantity_at_its_product(his, ".sales li")
    assert his.page.evaluate(NOT_ISOLATED) == []
    his.go("Stock")
    expect(his.page.locator(".alert")).to_contain_text(GREEN_TEA)
    his.page.get_by_role("button", name=f"More for {GREEN_TEA}").click()
    assert his.page.evaluate(NOT_ISOLATED) == []
    his.page.get_by_role("menuitem", name="Change").click()
    expect(his.page.get_by_label("Name")).to_have_value(GREEN_TEA)
    assert his.page.evaluate(NOT_ISOLATED) == []

    assert [url for url in his.requests if "latin-ext" in url], "of the seller's own name"
    his.page.keyboard.press("Escape")
    his.page.get_by_role("button", name="Sign out").click()
    expect(his.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_money_numbers_and_times_are_as_the_reader_writes_them(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    tea = bob.offers(name="Assam", priceCents=123_456, stock=12_345)
    alice.orders(tea)
    for locale, price, stock in (
        ("de-DE", "1.234,56 €", "12.344"),
        ("en-GB", "€1,234.56", "12,344"),
    ):
        his: Visit = visit(locale=locale)
        assert not [url for url in his.requests if "latin-ext" in url]
        his.sign_in(bob.credentials)
        expect(his.page.locator(".ticket")).to_contain_text(price)
        his.go("Sales")
        expect(his.page.locator(".sales li")).to_contain_text(price)
        his.go("Stock")
        expect(his.page.locator(".stock li")).to_contain_text(f"{stock} left")
        hers: Visit = visit(locale=locale)
        hers.sign_in(alice.credentials)
        expect(hers.page.locator(".product", has_text="Assam")).to_contain_text(price)
        hers.go("My orders")
        expect(hers.page.locator(".order")).to_contain_text(price)


def test_a_part_of_the_page_that_did_not_arrive_is_said_and_tried_again(
    bob: Person, visit: Callable[..., Visit]
) -> None:
    his = visit()
    his.tolerated = NETWORK
    his.page.route("**/assets/stock-*", lambda route: route.abort())
    his.sign_in(bob.credentials)
    his.go("Stock")
    expect(his.page.get_by_role("alert")).to_contain_text("did not arrive")
    his.page.unroute("**/assets/stock-*")
    his.page.get_by_role("button", name="Try again").click()
    expect(his.page.get_by_role("heading", name="You offer nothing yet")).to_be_visible()


FLOW = ("confirmed", "processing", "shipped", "delivered", "refunded")


def of_each_status(bob: Person, alice: Person, product: Any) -> list[Any]:
    """An order in each status, and one that was cancelled."""
    orders = [alice.orders(product) for _ in range(len(FLOW) + 2)]
    for number, order in enumerate(orders[:-1]):
        for status in FLOW[:number]:
            bob.patch(f"/api/orders/{order['id']}/status", {"status": status})
    bob.patch(f"/api/orders/{orders[-1]['id']}/status", {"status": "cancelled"})
    return orders


def pages_of(one: Visit, names: tuple[str, ...]) -> Iterator[str]:
    """Go from page to page, each when it has arrived."""
    for name in names:
        one.go(name)
        expect(one.page.get_by_role("heading", level=1, name=name)).to_be_visible()
        expect(one.page.locator("[aria-busy=true]")).to_have_count(0)
        yield name


def faint(one: Visit) -> list[str]:
    """Texts of too little contrast, as they are and under a pointer, light and dark."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        one.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no transition
        found += one.page.evaluate(FAINT, None)
        looks = one.page.evaluate_handle(LOOKS)
        for control in looks.get_properties().values():
            element = control.as_element()
            assert element is not None
            element.hover(force=True)
            found += [f"under a pointer, {line}" for line in element.evaluate(FAINT)]
        one.page.mouse.move(0, 0)
    return found


def test_text_has_contrast_in_every_status_and_state(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    tea = bob.offers(name="Ceylon", stock=40)
    bob.offers(name="Gone", stock=0)
    bob.offers(name="Hidden", hidden=True)
    of_each_status(bob, alice, tea)
    notify(alice.url, alice.id)
    hers, his = visit(), visit()
    assert faint(hers) == []
    hers.tolerated = "status of 401"
    hers.page.get_by_label("E-mail address").fill("nobody@example.com")
    hers.page.get_by_label("Password").fill("not this one")
    hers.page.keyboard.press("Enter")
    expect(hers.page.get_by_role("alert")).to_contain_text("No account")
    assert faint(hers) == []
    hers.sign_in(alice.credentials)
    hers.page.get_by_role("button", name="Add Ceylon to the basket").click()
    for name in pages_of(hers, ("Shop", "My orders", "Notifications")):
        assert faint(hers) == [], name
    his.sign_in(bob.credentials)
    for name in pages_of(his, ("Orders", "Sales", "Stock")):
        assert faint(his) == [], name
    his.page.get_by_role("button", name="Add a product").click()
    assert faint(his) == []


def test_the_pages_fit_on_320_pixels_and_need_no_colours(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    tea = bob.offers(name="Nilgiri, second flush, organic, 250 g", stock=40, lowStockThreshold=50)
    orders = of_each_status(bob, alice, tea)
    for person, names in (
        (alice, ("Shop", "My orders", "Notifications")),
        (bob, ("Orders", "Sales", "Stock", "Notifications")),
    ):
        one = visit(size=(320, 568))
        one.page.emulate_media(forced_colors="active")
        assert one.page.evaluate(CUT) == []
        one.sign_in(person.credentials)
        if person is alice:
            one.page.get_by_role("button", name="Add Nilgiri").click()
        notify(alice.url, person.id, title="Hello", message="A word that is long. " * 9)
        expect(one.page.locator(".toast", has_text="Hello")).to_be_visible()
        for name in pages_of(one, names):
            assert one.page.evaluate(CUT) == [], name
            assert one.page.evaluate(COVERED) == [], name
        if person is alice:
            one.go("My orders")
            dot = "(one, at) => getComputedStyle(one, '::before').backgroundColor"
            steps = one.order(orders[2]).locator(".timeline li")
            assert steps.first.evaluate(dot) != steps.last.evaluate(dot)


def focused(one: Visit) -> str:
    said: str = one.page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName"
    )
    return said


def test_the_focus_is_never_lost_when_its_button_goes(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    tea = bob.offers()
    first, second = alice.orders(tea), alice.orders(tea)
    for title in ("One", "Two"):
        notify(alice.url, alice.id, title=title)
    hers = visit()
    hers.sign_in(alice.credentials)
    hers.go("Notifications")
    for title in ("Two", "One"):
        mark = hers.page.get_by_role("button", name=f"Mark as read: {title}")
        mark.focus()
        hers.page.keyboard.press("Enter")
        expect(mark).to_have_count(0)
        assert focused(hers) == ("Mark as read: One" if title == "Two" else "MAIN")
    hers.go("My orders")
    for order in (first, second):
        cancel = hers.page.get_by_role("button", name=f"Cancel {order['orderNumber']}")
        cancel.focus()
        hers.page.keyboard.press("Enter")
        expect(cancel).to_have_count(0)
        assert (
            hers.page.evaluate("document.activeElement.closest('.order')?.dataset.order")
            == (order["id"])
        )
    notify(alice.url, alice.id, title="Three")
    three = hers.page.locator(".toast", has_text="Three")
    three.get_by_role("button", name="Dismiss").focus()
    hers.page.keyboard.press("Enter")
    expect(three).to_have_count(0)
    assert focused(hers) in ("A", "Dismiss", "MAIN")  # of another message, if one is left


NOTE_WHAT_IS_SAID = """
window.said = [];
new MutationObserver(() => {
  const text = document.querySelector("[data-said]")?.textContent ?? "";
  if (text !== "" && text !== window.said.at(-1)) window.said.push(text);
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
MANY = 30


def test_thirty_moves_are_one_announcement_few_reads_and_few_stops_of_the_keyboard(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    tea = bob.offers(stock=100)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: alice.orders(tea), range(MANY)))
    hers, his, shelf = visit(), visit(), visit()
    his.context.add_init_script(NOTE_WHAT_IS_SAID)
    his.page.reload()
    hers.sign_in(alice.credentials)
    hers.go("My orders")
    shelf.sign_in(bob.credentials)
    shelf.go("Stock")
    his.sign_in(bob.credentials)
    expect(his.page.locator(".ticket")).to_have_count(MANY)

    his.page.keyboard.press("Tab")  # from the page's main part, which has the focus
    his.page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    his.page.keyboard.press("Tab")
    expect(his.page.get_by_role("button", name="Skip to the page")).to_be_focused()
    his.page.keyboard.press("Enter")
    stops = []
    for _ in range(12):
        his.page.keyboard.press("Tab")
        stops.append(focused(his))
    assert len([stop for stop in stops if stop.startswith("Confirm")]) == 1, stops
    assert len([stop for stop in stops if stop.startswith("More for")]) == 1, stops

    asked = [len(one.requests) for one in (hers, shelf)]
    his.page.get_by_role("button", name="Select", exact=True).click()
    his.column("pending").get_by_label("Select all").check()
    his.page.get_by_role("button", name=f"Confirm {MANY}").click()
    expect(his.column("confirmed").locator(".ticket")).to_have_count(MANY)
    expect(his.page.locator("[data-said]")).to_contain_text(f"{MANY} messages")
    said = his.page.evaluate("window.said.filter((text) => text.includes('onfirmed'))")
    assert len(said) <= 3, said
    expect(hers.page.locator(".status[data-status=confirmed]")).to_have_count(MANY)
    for one, path, first in ((hers, "/api/orders?", asked[0]), (shelf, "/api/products?", asked[1])):
        assert len([url for url in one.requests[first:] if path in url]) <= MANY / 3


def test_the_chosen_theme_is_there_before_the_page(visit: Callable[..., Visit]) -> None:
    one = visit(color_scheme="light")
    one.page.get_by_role("button", name="Switch to dark").click()
    one.context.add_init_script(
        """
        new MutationObserver((_, observer) => {
          if (document.body === null) return;
          window.themeAtFirst = document.documentElement.dataset.theme;
          observer.disconnect();
        }).observe(document, { childList: true, subtree: true });
        """
    )
    one.page.reload()
    assert one.page.evaluate("window.themeAtFirst") == "dark"


def test_the_documents_say_all_and_the_console_shows_ones_own_events(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    order = alice.orders(bob.offers())
    one = visit()
    one.page.goto(f"{one.url}/docs")
    one.page.locator("#placeOrder summary").click()
    expect(one.page.locator("#placeOrder")).to_contain_text("productId")
    assert one.violations() == []
    assert one.page.evaluate(FAINT, None) == []
    one.page.get_by_role("link", name="Live console").click()
    one.page.get_by_label("Access token").fill("no token")
    one.page.get_by_role("button", name="Connect", exact=True).click()
    expect(one.page.get_by_role("status")).to_contain_text("(token_invalid)")
    one.page.get_by_label("Access token").fill(alice.token)
    one.page.get_by_role("button", name="Connect", exact=True).click()
    expect(one.page.get_by_role("status")).to_contain_text("Connected")
    bob.patch(f"/api/orders/{order['id']}/status", {"status": "confirmed"})
    row = one.page.locator("tbody tr", has_text="order:status")
    expect(row).to_contain_text(order["orderNumber"])
    expect(row.locator("td").first).to_have_text(re.compile(r"^\d+$"))
    assert one.violations() == []
    assert one.page.evaluate(FAINT, None) == []
