"""Stock clients of every kind that listen as one seller, and the orders they hear of."""

from collections.abc import Callable
from typing import Any

from tests.harness.clients.stock import VERSIONS, StockClient
from tests.harness.people.person import Person

TRANSPORTS = (["websocket"], ["polling"], ["polling", "websocket"])
NODE = Callable[..., StockClient]  # the fixture `stock_client`


class Audience:
    """The seller on each transport with each version: all of them get the same."""

    def __init__(self, stock_client: NODE, url: str, seller: Person) -> None:
        self.clients = [
            stock_client(url, seller.token, version=version, transports=transports)
            for version in VERSIONS
            for transports in TRANSPORTS
        ]
        self.wait_settled()

    def wait(self, what: str, count: int = 1) -> list[dict[str, Any]]:
        """Until each has said `what` so many times -> the last of each."""
        return [client.wait(what, count) for client in self.clients]

    def wait_settled(self, times: int = 1) -> list[dict[str, Any]]:
        """Until each is connected for the nth time, and may be cut -> what they said of it."""
        return [client.wait_settled(times) for client in self.clients]

    def wait_recovered(self, times: int) -> None:
        """Until each is connected for the nth time, and was recovered; then it may be cut again."""
        assert all(said["recovered"] is True for said in self.wait_settled(times))

    def wait_orders(self, orders: list[str]) -> None:
        """Until each has seen these orders: these in this order, each once, with rising offsets."""
        for client in self.clients:
            client.wait_event("order:new", len(orders))
            assert seen(client) == orders
            assert offsets(client) == sorted(set(offsets(client)))


def seen(client: StockClient) -> list[str]:
    return [arguments[0]["id"] for arguments in client.events("order:new")]


def offsets(client: StockClient) -> list[int]:
    return [int(arguments[1]) for arguments in client.events("order:new")]


def places(buyer: Person, product: Any, count: int) -> list[str]:
    return [buyer.orders(product)["id"] for _ in range(count)]
