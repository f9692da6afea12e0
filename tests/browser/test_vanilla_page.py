"""docs/clients/page.html, opened as it stands there, from an origin of its own."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import fresh_database, redis_in
from tests.harness.people.person import Person
from tests.harness.processes.process import ROOT
from tests.harness.processes.service import Service

FOLDER = ROOT / "docs/clients"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def origin() -> Iterator[str]:
    """Where the page is served from, with what its README installs."""
    if not (FOLDER / "node_modules/.package-lock.json").exists():
        subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, check=True, timeout=300)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(FOLDER)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def elsewhere(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, origin: str
) -> Iterator[Service]:
    """A service that lets pages of that origin in."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for url in fresh_database(request, "sqlite"):
        with redis_in(folder) as own:
            service = Service(folder, database_url=url, redis_url=own.url, CORS_ORIGINS=origin)
            yield service.start()
            service.stop()


@pytest.fixture
def people(
    elsewhere: Service, person_at: Callable[[Service, str], Person]
) -> Callable[[str], Person]:
    return partial(person_at, elsewhere)


def test_it_shows_the_orders_of_before_and_how_they_move(
    browser: Browser, origin: str, elsewhere: Service, people: Callable[[str], Person]
) -> None:
    alice, bob = people("customer"), people("seller")
    tea = bob.offers(stock=50)
    before = alice.orders(tea)
    page = browser.new_page()
    page.goto(f"{origin}/page.html?service={elsewhere.url}")
    page.get_by_label("E-mail").fill(alice.credentials[0])
    page.get_by_label("Password").fill(alice.credentials[1])
    page.get_by_role("button").click()

    expect(page.locator("output")).to_have_text("live")
    expect(page.locator("li")).to_have_text(f"{before['orderNumber']}: pending")
    bob.patch(f"/api/orders/{before['id']}/status", {"status": "confirmed"})
    expect(page.locator("li")).to_have_text(f"{before['orderNumber']}: confirmed")
    page.close()
