"""The pages with names of any script, and for readers of any language."""

from collections.abc import Callable
from unicodedata import normalize

from playwright.sync_api import expect

from tests.harness.clients.browser import NETWORK, Visit
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
    if (parentElement.closest("bdi, [dir=auto]") === null) found.push(parentElement.outerHTML);
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
