"""The service with two web processes, and people who look at its pages in Chromium."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import create_engine, insert

from app.orders.models import Order, OrderLine
from tests.conftest import fresh_database, redis_in
from tests.harness.clients.browser import Visit, launch, what_is_missing
from tests.harness.faults.proxy import Proxy
from tests.harness.people.fixtures import alice, bob, person, person_at
from tests.harness.processes.service import Service

__all__ = ["alice", "bob", "person", "person_at"]

GRACE_SECONDS = 1  # after a token's end: a connection that was not refreshed ends within a test
MISSED = 5  # events that can be recovered: one more, and the pages read their lists again


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the file: Playwright's event loop is in the way of others."""
    if missing := what_is_missing():
        pytest.fail(missing, pytrace=False)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("browser")
    for url in fresh_database(request, "sqlite"):
        with redis_in(folder) as own:
            service = Service(
                folder,
                database_url=url,
                redis_url=own.url,
                WEB_CONCURRENCY="2",
                DEMO="1",
                TOKEN_GRACE=str(GRACE_SECONDS),
                RECOVERY_MAX_EVENTS=str(MISSED),
            )
            yield service.start()
            service.stop()
            assert "eyJ" not in (folder / "web.log").read_text(), "a token in the log"


@pytest.fixture
def network(service: Service) -> Iterator[Proxy]:
    """What is between the pages and the service."""
    proxy = Proxy(service.port)
    yield proxy
    proxy.close()


@pytest.fixture
def visit(browser: Browser, service: Service) -> Iterator[Callable[..., Visit]]:
    """A builder: a window on the pages, held to account in the end."""
    made: list[Visit] = []

    def make(url: str = "", **options: Any) -> Visit:
        made.append(Visit.of(browser, url or service.url, **options))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
    for one in made:
        one.check()


def copies(service: Service, order: Any, statuses: tuple[str, ...], count: int) -> None:
    """So many copies of the order in each status, placed before it."""
    engine = create_engine(service.env["DATABASE_URL"])
    made = datetime.fromisoformat(order["createdAt"])
    numbers = [(status, number) for status in statuses for number in range(1, count + 1)]
    with engine.begin() as connection:
        first = 1_000 * int(order["id"])
        row = {"customer_id": order["user"]["id"], "seller_id": order["seller"]["id"]}
        row |= {"total_cents": order["totalCents"], "currency": "EUR", "version": 1}
        connection.execute(
            insert(Order),
            [
                {**row, "id": first + index, "status": status, "updated_at": made}
                | {"created_at": made - timedelta(seconds=number)}
                for index, (status, number) in enumerate(numbers)
            ],
        )
        item = order["items"][0]
        line = {"product_id": item["productId"], "name": item["name"]}
        line |= {"quantity": 1, "unit_price_cents": item["unitPriceCents"]}
        connection.execute(
            insert(OrderLine),
            [{**line, "order_id": first + index} for index in range(len(numbers))],
        )
    engine.dispose()
