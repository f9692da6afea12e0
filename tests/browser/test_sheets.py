"""Every page with 200 orders and with none: it fits on a tablet. `make images` keeps a picture of
all pages for each size, light and dark, in docs/images/."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import copies
from tests.harness.clients.browser import DESK, PHONE, Visit
from tests.harness.clients.seeing import CUT
from tests.harness.people.person import Person, notify
from tests.harness.processes.process import ROOT
from tests.harness.processes.service import Service

IMAGES = ROOT / "docs" / "images"
MAX_SHEET_BYTES = 200_000
SIZES = {"tablet": (820, 1180), "desk": DESK, "phone": PHONE}
KEEP = bool(os.environ.get("KEEP_IMAGES"))
STATUSES = (
    "pending",
    "confirmed",
    "processing",
    "shipped",
    "delivered",
    "cancelled",
    "refunded",
)
EACH = 28  # orders in each status: with those that are placed here, 200
HERS = ("Shop", "My orders", "Notifications")
HIS = ("Orders", "Sales", "Stock", "Notifications")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark") if KEEP else ("light",)
WIDTHS = {"tablet": 320, "desk": 560, "phone": 300}  # of a picture on the sheet, in pixels
COLUMNS, QUALITY = 4, 60  # of JPEG


def customer_and_seller(
    service: Service, person: Callable[..., Person], *, many: bool
) -> tuple[Person, Person]:
    """New ones, with 200 orders and two products, or with nothing."""
    alice, bob = person("customer", "Alice"), person("seller", "Bob")
    if many:
        tea = bob.offers(name="Sencha, 100 g", priceCents=1250, stock=400)
        bob.offers(name="Assam, 250 g", priceCents=890, stock=3, lowStockThreshold=5)
        placed = [alice.orders(tea, 2) for _ in range(200 - EACH * len(STATUSES))]
        copies(service, placed[0], STATUSES, EACH)
        for each in (alice, bob):
            notify(service.url, each.id, title="Parcels are slow", message="A day behind.")
    return alice, bob


def shots(one: Visit, name: str, scheme: str, taken: dict[str, list[bytes]]) -> None:
    """Check that the page fits, and take its picture if pictures are kept."""
    expect(one.page.locator("[aria-busy=true]")).to_have_count(0)
    assert one.page.evaluate(CUT) == [], name
    if KEEP:
        one.page.mouse.move(0, 0)
        picture = one.page.screenshot(type="jpeg", quality=80, animations="disabled")
        taken.setdefault(scheme, []).append(picture)


def keep_sheet(browser: Browser, pictures: list[bytes], width: int, path: Path) -> None:
    """One picture of them all, in rows."""
    images = "".join(
        f'<img width="{width}" src="data:image/jpeg;base64,{base64.b64encode(one).decode()}">'
        for one in pictures
    )
    page = browser.new_page(viewport={"width": COLUMNS * (width + 8), "height": 100})
    style = "margin:0; display:flex; flex-wrap:wrap; gap:8px; background:#888"
    page.set_content(f'<body style="{style}">{images}</body>')
    page.screenshot(path=path, type="jpeg", quality=QUALITY, full_page=True)
    page.close()
    assert path.stat().st_size < MAX_SHEET_BYTES


@pytest.mark.parametrize("size", SIZES if KEEP else ["tablet"])
def test_every_page_fits_with_many_orders_and_with_none(
    size: str,
    visit: Callable[..., Visit],
    person: Callable[..., Person],
    service: Service,
    browser: Browser,
) -> None:
    for amount in ("none", "many"):
        alice, bob = customer_and_seller(service, person, many=amount == "many")
        taken: dict[str, list[bytes]] = {}
        anybody = visit(size=SIZES[size])
        for path in ("/", "/docs", "/docs/console") if amount == "none" else ():
            anybody.page.goto(f"{anybody.url}{path}")
            expect(anybody.page.get_by_role("heading", level=1)).to_be_visible()
            for scheme in SCHEMES:
                anybody.page.emulate_media(color_scheme=scheme)
                shots(anybody, path, scheme, taken)
        for who, names in ((alice, HERS), (bob, HIS)):
            one = visit(size=SIZES[size])
            one.sign_in(who.credentials)
            for name in names:
                one.go(name)
                expect(one.page.get_by_role("heading", level=1, name=name)).to_be_visible()
                if name == "Sales" and amount == "many":
                    one.page.get_by_role("button", name="All orders").click()
                    expect(one.page.locator(".sales li").first).to_be_visible()
                for scheme in SCHEMES:
                    one.page.emulate_media(color_scheme=scheme)
                    shots(one, name, scheme, taken)
            if who is alice and amount == "many":
                one.go("My orders")
                one.page.locator(".order h2 a").first.click()
                expect(one.page.get_by_role("heading", name="What happened")).to_be_visible()
                for scheme in SCHEMES:
                    one.page.emulate_media(color_scheme=scheme)
                    shots(one, "an order", scheme, taken)
        for colours, pictures in taken.items():
            keep_sheet(
                browser, pictures, WIDTHS[size], IMAGES / f"all-{amount}-{colours}-{size}.jpg"
            )
