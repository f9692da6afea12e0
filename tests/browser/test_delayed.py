"""The badge says when changes arrive late, though the connection is up."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.harness.clients.browser import Visit
from tests.harness.people.person import Person
from tests.harness.processes.service import Service


def test_without_a_worker_the_badge_says_delayed_and_with_one_it_is_live_again(
    alice: Person, bob: Person, visit: Callable[..., Visit], service: Service
) -> None:
    product = bob.offers(stock=100)
    his = visit()
    his.sign_in(bob.credentials)
    his.is_live()
    assert service.worker is not None
    service.worker.kill()

    order = alice.orders(product)
    his.shows("delayed")
    expect(his.page.locator(".badge")).to_have_text("Delayed")
    expect(his.ticket(order)).to_have_count(0)

    service.start_worker()
    expect(his.ticket(order)).to_be_visible()
    his.shows("live")
    assert his.badges()[-2:] == ["delayed", "live"]
