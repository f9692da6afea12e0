"""A person's browser: Debian's Chromium, and an ear for everything that should not happen in it."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect

from tests.harness.processes.process import ROOT
from tests.harness.waiting import wait_until

CHROMIUM = shutil.which("chromium")  # None: Playwright's own, if that is installed
SITE = ROOT / "app" / "http" / "site" / "index.html"
AXE = ROOT / "client" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# What Chromium itself writes when a request gets no answer.
NETWORK = r"net::ERR_|WebSocket connection to|status of 5\d\d"
# And when a page itself ends a session whose upgrade is under way, as at a sign-out after a reload.
CLOSED_EARLY = "WebSocket is closed before the connection is established"
DESK, PHONE = (1280, 800), (390, 844)

# Runs before the page's own scripts, in every page: what changed, for the test to look at.
LISTEN = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
});
window.badges = [];
new MutationObserver(() => {
  const state = document.querySelector(".badge")?.dataset.state;
  if (state !== undefined && state !== window.badges.at(-1)) window.badges.push(state);
}).observe(document, { subtree: true, childList: true, attributes: true });
"""


def what_is_missing() -> str | None:
    """What a browser test cannot do without, and where it comes from."""
    if not SITE.is_file() or not AXE.is_file():
        return "the pages are not built: make site"
    return None


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))


@dataclass
class Visit:
    """One person's window. `check` at the end: no error, no request to anywhere else."""

    context: BrowserContext
    page: Page
    url: str
    tolerated: str = "(?!)"  # of the errors in the console
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, browser: Browser, url: str, *, size: tuple[int, int] = DESK, **options: Any
    ) -> "Visit":
        options.setdefault("locale", "en-GB")  # and not the machine's
        viewport = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=viewport, **options)  # type: ignore[arg-type]
        context.add_init_script(LISTEN)
        context.set_default_timeout(20_000)
        visit = cls(context, context.new_page(), url)
        visit._listen()
        visit.page.goto(url)
        return visit

    def _listen(self) -> None:
        self.page.on(
            "console",
            lambda said: (
                self.errors.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda websocket: self.requests.append(websocket.url))

    def tab(self, path: str = "/") -> "Visit":
        """Another tab of the same browser, which is held to account with this one."""
        other = Visit(self.context, self.context.new_page(), self.url)
        other.errors, other.requests = self.errors, self.requests
        other._listen()
        other.page.goto(f"{self.url}{path}")
        return other

    def sign_in(self, credentials: tuple[str, str]) -> None:
        email, password = credentials
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.is_live()

    def go(self, name: str) -> None:
        self.page.get_by_role("navigation").get_by_role("link", name=re.compile(f"^{name}")).click()

    def is_live(self) -> None:
        """And through with its upgrade: a client that is cut in the middle of one notices late."""
        self.shows("live")
        expect(self.page.locator('.badge[data-transport="websocket"]')).to_be_visible()

    def shows(self, badge: str) -> None:
        expect(self.page.locator(f'.badge[data-state="{badge}"]')).to_be_visible(timeout=20_000)

    def badges(self) -> list[str]:
        """What the badge has shown since the page was loaded."""
        shown: list[str] = self.page.evaluate("window.badges")
        return shown

    def has_shown(self, badge: str) -> None:
        """Also a state that has passed."""
        wait_until(lambda: badge in self.badges(), f"the badge has shown {badge}")

    def ticket(self, order: Any) -> Locator:
        """The seller's ticket of an order, in whatever column it is."""
        return self.page.locator(f'.ticket[data-order="{order["id"]}"]')

    def column(self, status: str) -> Locator:
        return self.page.locator(f'.column[data-status="{status}"]')

    def order(self, order: Any) -> Locator:
        """The customer's card of an order."""
        return self.page.locator(f'.order[data-order="{order["id"]}"]')

    def violations(self) -> list[str]:
        """What axe finds serious or critical."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    def check(self) -> None:
        host = urlsplit(self.url).netloc
        assert {urlsplit(url).netloc for url in self.requests} == {host}
        assert not [url for url in self.requests if "eyJ" in url], "a token in a URL"
        tolerated = f"{self.tolerated}|{CLOSED_EARLY}"
        errors = [error for error in self.errors if not re.search(tolerated, error)]
        assert not errors, errors

    def shot(self, path: Path) -> None:
        """What is in the window, without what moves."""
        self.page.mouse.move(0, 0)
        # Not wait_for_function: the pages' policy forbids what that does.
        moving = "document.getAnimations().length"
        wait_until(lambda: self.page.evaluate(moving) == 0, "nothing moves")
        self.page.screenshot(path=path, animations="disabled")
