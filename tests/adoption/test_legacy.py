"""examples/legacy: a food delivery on Flask-SocketIO, and the same on Ordercast."""

import difflib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.adoption.conftest import Ground, Place
from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.processes.process import ROOT
from tests.harness.waiting import wait_until

LEGACY = ROOT / "examples/legacy"
BEFORE, AFTER = LEGACY / "before/app.py", LEGACY / "after/app.py"
RESTAURANT = 5
CUSTOMERS = 5
ROUNDS = 6  # in each, every other client loses its connection


def changed() -> list[str]:
    """The lines of `diff -u before/app.py after/app.py`, its context included."""
    before, after = (path.read_text().splitlines() for path in (BEFORE, AFTER))
    return list(difflib.unified_diff(before, after, lineterm="", n=99))[3:]


def test_the_whole_change_is_under_40_lines() -> None:
    assert 10 < sum(line[0] in "+-" for line in changed()) < 40


def test_each_diff_of_the_guide_is_a_piece_of_it() -> None:
    guide = (ROOT / "docs/adopt.md").read_text()
    pieces = re.findall(r"^```diff\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    whole = "\n".join(["", *changed(), ""])
    assert len(pieces) > 4
    for piece in pieces:
        assert f"\n{piece}" in whole


class Bento(Place):
    """The example on Ordercast."""

    app = AFTER
    prefix = ""


class Socket(StockClient):
    """A tab that is open at Bento."""

    def asks(self, event: str, *arguments: object) -> object:
        """Emit, and wait for the acknowledgement -> what it says."""
        answered = len(self.all("answer"))
        self.tell(ask=[event, *arguments])
        return self.wait("answer", answered + 1)["args"][0]

    def loses_its_connection(self) -> None:
        """At a moment when it has one."""
        lost = len(self.all("disconnect"))
        self.wait_settled(lost + 1)
        self.tell(cut=True)
        self.wait("disconnect", lost + 1)


class Person:
    """A user of Bento, signed in with a cookie."""

    def __init__(self, url: str, name: str, **given: object) -> None:
        self._url = url
        self._http = loopback.Client(base_url=url)
        self._sockets: list[Socket] = []
        sign_in = {"email": f"{name}@example.com", "password": "a password"}
        self.posts("/register", **sign_in, **given)
        self.posts("/login", **sign_in)

    def posts(self, path: str, **given: object) -> dict[str, int]:
        answer = self._http.post(path, json=given)
        assert answer.is_success, answer.text
        said: dict[str, int] = answer.json()
        return said

    def connects(self) -> Socket:
        """A socket of the stock client, when it is connected."""
        cookie = f"session={self._http.cookies['session']}"
        self._sockets.append(Socket(self._url, extraHeaders={"Cookie": cookie}))
        self._sockets[-1].wait_settled()
        return self._sockets[-1]

    def leaves(self) -> None:
        self._http.close()
        for socket in self._sockets:
            socket.leave()


@pytest.fixture(scope="module")
def bento(ground: Ground, binaries: Path) -> Iterator[Bento]:
    """Two web processes and a worker of it."""
    place = Bento(
        ground.folder,
        binaries,
        DATABASE_URL=ground.database_url,
        REDIS_URL=ground.redis_url,
        SECRET_KEY="the-secret-of-a-food-delivery-that-is-long-enough",
        LATE_SECONDS="1",
    )
    with place.running():
        yield place


@pytest.fixture
def people(bento: Bento) -> Iterator[Callable[..., Person]]:
    """A builder of Bento's users, whose sockets leave at the end."""
    made: list[Person] = []

    def make(name: str, **given: object) -> Person:
        made.append(Person(bento.url, name, **given))
        return made[-1]

    yield make
    for person in made:
        person.leaves()


def test_clients_that_lose_their_connection_get_each_order_chat_and_late_event_in_order_once(
    people: Callable[..., Person],
) -> None:
    """The rooms of orders are joined in an event's handler, when somebody opens the chat."""
    owner = people("olga", role="owner", restaurant=RESTAURANT)
    customers = [people(f"customer{n}", role="customer") for n in range(CUSTOMERS)]
    board, till = owner.connects(), owner.connects()
    screens = [customer.connects() for customer in customers]
    orders = [
        customer.posts("/orders", restaurant=RESTAURANT, dish=f"soup {n}")["id"]
        for n, customer in enumerate(customers)
    ]
    forgotten = customers[0].posts("/orders", restaurant=RESTAURANT, dish="tea")["id"]
    for screen, order in zip(screens, orders, strict=True):
        for socket in (screen, till, board):
            socket.asks("chat:open", order)

    said = [f"round {number}" for number in range(ROUNDS)]
    for number, text in enumerate(said):
        for socket in [board, *screens][number % 2 :: 2]:
            socket.loses_its_connection()
        for order in orders:
            owner.posts(f"/orders/{order}/{text}")
            till.asks("chat:say", order, text)

    def late() -> list[int]:
        return [event["id"] for event, _ in board.events("order:late")]

    wait_until(lambda: forgotten in late(), "the restaurant hears of the order that is late")
    for screen, order in zip(screens, orders, strict=True):
        screen.wait_event("order:status", ROUNDS)
        screen.wait_event("chat:message", ROUNDS)
        statuses = [(event["id"], event["status"]) for event, _ in screen.events("order:status")]
        assert statuses == [(order, text) for text in said]
        chat = [(event["order"], event["text"]) for event, _ in screen.events("chat:message")]
        assert chat == [(order, text) for text in said]
    board.wait_event("chat:message", ROUNDS * CUSTOMERS)
    assert [event["id"] for event, _ in board.events("order:new")] == [*orders, forgotten]
    chat = [(event["order"], event["text"]) for event, _ in board.events("chat:message")]
    assert chat == [(order, text) for text in said for order in orders]
    assert len(late()) == len(set(late()))
    for socket in (board, *screens):
        socket.wait("connect", 1 + ROUNDS // 2)
        assert all(connect["recovered"] for connect in socket.all("connect")[1:])
        assert socket.offsets() == sorted(set(socket.offsets()))
