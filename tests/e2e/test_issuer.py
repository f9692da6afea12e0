"""An issuer that is down, rotates its keys, and stops answering, while clients connect."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.harness.clients.raw import CONNECT, CONNECT_ERROR, introduce, raw_websocket
from tests.harness.clients.stock import StockClient
from tests.harness.processes.limited import Limited
from tests.harness.servers.issuer import foreign, issuer, new_key
from tests.harness.waiting import wait_until

CROWD = 3  # threads that connect and leave all the time
ROUNDS = 10  # connects of each of them that must go on
NAMES = {"iss": "https://id.example/", "aud": "shop"}


class Crowd:
    """Connects again and again with one token; `wrong` has what was no CONNECT."""

    def __init__(self, url: str, token: str) -> None:
        self.count = 0
        self.wrong: list[str] = []
        self._url = url
        self._token = token
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CROWD)]

    def _run(self) -> None:
        while not self._over.is_set():
            with raw_websocket(self._url) as client:
                client.say(introduce(self._token))
                heard = client.hear()
            if not heard.startswith(CONNECT):
                self.wrong.append(heard)
            self.count += 1

    def go_on(self) -> None:
        """Until everybody has connected some more times."""
        wanted = self.count + CROWD * ROUNDS
        wait_until(lambda: self.count >= wanted, "clients connect")
        assert self.wrong == []

    @contextmanager
    def coming(self) -> Iterator["Crowd"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(20)


def test_connects_go_on_while_the_issuer_is_down_rotates_and_stops_answering(
    limited: Limited, stock_client: Callable[..., StockClient]
) -> None:
    with issuer() as there:
        there.status = 503
        there.speaks.clear()
        service = limited(JWT_JWKS_URL=there.url, JWT_ISSUER=NAMES["iss"], JWT_AUDIENCE="shop")
        assert service.web is not None
        web = service.web
        assert there.asked  # and the process has answered /readyz meanwhile
        there.speaks.set()
        first = there.token(foreign(**NAMES), "one")

        early = stock_client(service.url, first, reconnectionDelayMax=500)
        wait_until(
            lambda: web.logged("connect failed", reason="HTTP 503: no document"), "the reason"
        )
        there.status = 200
        early.wait("connect")

        with Crowd(service.url, first).coming() as crowd:
            crowd.go_on()
            there.keys["two"] = new_key()
            asked = there.asked
            second = there.token(foreign(**NAMES, sub="u-8"), "two")
            with raw_websocket(service.url) as client:
                client.say(introduce(second))
                client.hear_json(CONNECT)
            assert there.asked == asked + 1
            crowd.go_on()

            there.status = 500
            there.keys["three"] = new_key()
            third = there.token(foreign(**NAMES), "three")
            for _ in range(3):
                with raw_websocket(service.url) as client:
                    client.say(introduce(third))
                    assert client.hear_json(CONNECT_ERROR)["data"] == {"code": "token_invalid"}
            assert there.asked == asked + 1
            crowd.go_on()

        def reasons() -> list[str]:
            return [line["reason"] for line in web.logged("connect refused")]

        wait_until(lambda: len(reasons()) == 3, "the refusals are in the log")
        assert all(
            one.startswith("its key (kid) 'three' is none of JWT_JWKS_URL") for one in reasons()
        )
        assert not any(token in web.output() for token in (first, second, third))
        assert service.metric('ordercast_key_set_readings_total{outcome="ok"}') == 2
