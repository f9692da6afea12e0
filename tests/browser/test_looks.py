"""Every page, dark and light, on a desk and on a phone: axe finds nothing serious, nothing is wider
than the window, and pictures are taken. `make images` keeps those in docs/images/."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from app.demo import PASSWORD
from tests.harness.clients.browser import DESK, PHONE, Visit
from tests.harness.people.person import Person, log_in, notify
from tests.harness.processes.process import ROOT
from tests.harness.processes.service import Service

IMAGES = ROOT / "docs" / "images"
MAX_PICTURE_BYTES = 150_000  # of a picture
MAX_FIRST_LOAD_BYTES = 150_000  # with the font and all headers
SIZES = {"desk": DESK, "phone": PHONE}
ALICE, CHARLIE, BOB = "alice@example.com", "charlie@example.com", "bob@example.com"

# Who orders what, of the products as they are in the shop, and how far it gets.
ORDERS: tuple[tuple[str, dict[str, int], tuple[str, ...]], ...] = (
    (CHARLIE, {"Sencha, 100 g": 1}, ("confirmed", "processing", "shipped", "delivered")),
    (ALICE, {"Earl Grey, 20 bags": 3}, ("confirmed", "processing", "shipped", "delivered")),
    (CHARLIE, {"Earl Grey, 20 bags": 12}, ("cancelled",)),
    (ALICE, {"Sencha, 100 g": 2}, ("confirmed", "processing", "shipped")),
    (CHARLIE, {"Earl Grey, 20 bags": 1, "Sencha, 100 g": 1}, ("confirmed", "processing")),
    (ALICE, {"Assam, 250 g": 1, "Sencha, 100 g": 1}, ("confirmed",)),
    (CHARLIE, {"Sencha, 100 g": 4}, ("confirmed",)),
    (CHARLIE, {"Assam, 250 g": 1}, ()),
    (ALICE, {"Earl Grey, 20 bags": 2}, ()),
)


@pytest.fixture(scope="module")
def people(service: Service) -> Iterator[dict[str, Person]]:
    """The demo on a busy morning."""
    assert service.flask("demo-data").returncode == 0
    people = {email: log_in(service.url, email, PASSWORD) for email in (ALICE, CHARLIE, BOB)}
    products = {one["name"]: one["id"] for one in people[BOB].get("/api/products")["products"]}
    for who, basket, moves in ORDERS:
        items = [{"productId": products[name], "quantity": n} for name, n in basket.items()]
        order = people[who].post("/api/orders", {"items": items})
        for status in moves:
            people[BOB].patch(f"/api/orders/{order['id']}/status", {"status": status})
    for email in (ALICE, BOB):
        for title, message in (
            ("Parcels are slow today", "The carrier is a day behind in the north."),
            ("Welcome to the market", "Orders, stock and messages come to you by themselves."),
        ):
            notify(service.url, people[email].id, title=title, message=message)
    yield people
    for person in people.values():
        person.http.close()


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Where the pictures go."""
    if os.environ.get("KEEP_IMAGES"):
        IMAGES.mkdir(exist_ok=True)
        return IMAGES
    return tmp_path


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    scheme: str, size: str, visit: Callable[..., Visit], people: dict[str, Person], album: Path
) -> None:
    options: dict[str, Any] = {"size": SIZES[size], "color_scheme": scheme}

    def take_picture(one: Visit, name: str) -> None:
        picture = album / f"{name}-{scheme}-{size}.png"
        one.shot(picture)
        assert picture.stat().st_size < MAX_PICTURE_BYTES
        assert one.violations() == [], name
        width = one.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size][0], f"{name} is wider than the window"

    hers, his = visit(**options), visit(**options)
    expect(hers.page.get_by_role("button", name="Alice")).to_be_visible()
    take_picture(hers, "sign-in")
    hers.page.get_by_role("button", name="Alice").click()
    hers.is_live()
    hers.page.get_by_role("button", name="Add Sencha").click()
    take_picture(hers, "shop")
    hers.go("My orders")
    expect(hers.page.locator(".order")).to_have_count(4)
    take_picture(hers, "orders")
    hers.page.locator(".order").nth(1).get_by_role("link").click()
    expect(hers.page.locator(".history li")).to_have_count(2)
    take_picture(hers, "order")
    hers.go("Notifications")
    expect(hers.page.locator(".notices li")).to_have_count(2)
    take_picture(hers, "notifications")
    his.page.get_by_role("button", name="Bob").click()
    expect(his.page.locator(".ticket")).to_have_count(9)
    his.is_live()
    take_picture(his, "board")
    his.go("Stock")
    expect(his.page.locator(".stock li")).to_have_count(3)
    take_picture(his, "stock")
    theirs = visit(**options)
    theirs.sign_in(("admin@example.com", PASSWORD))
    expect(theirs.page.locator(".admin-facts")).to_contain_text("Workers")
    take_picture(theirs, "admin")


def test_the_switch_changes_the_colours_and_is_remembered(visit: Callable[..., Visit]) -> None:
    one = visit(color_scheme="light")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = one.page.evaluate(paper)
    one.page.get_by_role("button", name="Switch to dark").click()
    dark = one.page.evaluate(paper)
    assert dark != light
    one.page.reload()
    expect(one.page.get_by_role("button", name="Switch to light")).to_be_visible()
    assert one.page.evaluate(paper) == dark


def test_empty_and_broken_pages_are_accessible_too(
    alice: Person, bob: Person, visit: Callable[..., Visit]
) -> None:
    for person, names in ((alice, ("My orders", "Notifications")), (bob, ("Stock", "Orders"))):
        one = visit(size=PHONE)
        one.sign_in(person.credentials)
        for name in names:
            one.go(name)
            expect(one.page.locator(".state")).to_be_visible()
            assert one.violations() == [], name
    hers = visit()
    hers.tolerated = "status of 500"
    hers.page.route("**/api/products?**", lambda route: route.fulfill(status=500, body="oh"))
    hers.sign_in(alice.credentials)
    expect(hers.page.get_by_role("alert")).to_contain_text("could not be loaded")
    assert hers.violations() == []
    hers.page.unroute("**/api/products?**")
    hers.page.get_by_role("button", name="Try again").click()
    expect(hers.page.get_by_role("heading", name="Basket")).to_be_visible()


def test_nothing_jumps_while_a_page_loads(
    visit: Callable[..., Visit], people: dict[str, Person]
) -> None:
    one = visit()
    one.sign_in((BOB, PASSWORD))
    one.context.add_init_script(
        """
        window.shift = 0;
        new PerformanceObserver((list) => {
          for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
        }).observe({ type: "layout-shift", buffered: true });
        """
    )
    one.page.reload()
    expect(one.page.locator(".ticket")).to_have_count(9)
    one.shows("recovered")
    assert one.page.evaluate("window.shift") < 0.1  # "good", web.dev/articles/cls


# A line of 1.6 Mbit/s on which each answer takes 150 ms, as of a phone in a full train.
SLOW = {"offline": False, "downloadThroughput": 200_000, "uploadThroughput": 94_000, "latency": 150}
FIRST_LOAD = """
() => new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const paint = list.getEntries().at(-1).startTime;
    const asked = performance.getEntriesByType("resource").filter((one) => one.startTime < paint);
    const files = [...performance.getEntriesByType("navigation"), ...asked];
    resolve([paint, files.reduce((sum, one) => sum + one.transferSize, 0)]);
  }).observe({ type: "largest-contentful-paint", buffered: true });
})
"""


def test_the_first_load_on_a_slow_line_is_reported(
    visit: Callable[..., Visit],
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = visit()
    line = one.context.new_cdp_session(one.page)
    line.send("Network.enable")
    line.send("Network.clearBrowserCache")
    line.send("Network.setCacheDisabled", {"cacheDisabled": True})
    line.send("Network.emulateNetworkConditions", SLOW)
    one.page.reload()
    expect(one.page.get_by_role("button", name="Alice")).to_be_visible()
    milliseconds, received = one.page.evaluate(FIRST_LOAD)
    record_property("largest_paint_milliseconds", round(milliseconds))
    record_property("first_load_bytes", received)
    with capsys.disabled():
        print(f" [largest paint after {milliseconds:.0f} ms, {received / 1000:.1f} KB] ", end="")
    assert 0 < received < MAX_FIRST_LOAD_BYTES
