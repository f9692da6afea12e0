"""What a team's SocketIO is given holds on the wire, and call() waits for a client's answer."""

import gzip
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ordercast.testing import LiveServer
from tests.harness.clients.wire import MESSAGE, Polling, Request, query
from tests.harness.processes.process import ROOT

PATH = "/live/socket/"
QUESTION = '["question",'


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of the app, with two web processes."""
    database = f"sqlite:///{tmp_path_factory.mktemp('options')}/team.db"
    env = {
        "FLASK_SQLALCHEMY_DATABASE_URI": database,
        "FLASK_SECRET_KEY": "the-secret-of-another-team-that-is-long-enough",
    }
    app = "tests.e2e.options_app:create_app()"
    with LiveServer(app, env=env, folder=ROOT, workers=2) as server:
        yield int(server.url.rpartition(":")[2])


class Client:
    """A client over long-polling, connected to `/`."""

    def __init__(self, port: int) -> None:
        self._session = Polling(port, PATH)
        self.opened = self._session.opened
        self._session.say(MESSAGE + "0")
        self.sid: str = json.loads(self.hear("0"))["sid"]

    def hear(self, kind: str) -> str:
        """The next Socket.IO packet, which is of this kind, without it."""
        heard = self._session.hear()
        assert heard.startswith(MESSAGE + kind), heard
        return heard.removeprefix(MESSAGE + kind)

    def ask(self, *event: Any) -> None:
        self._session.say(f"{MESSAGE}20{json.dumps(event)}")

    def answered(self) -> Any:
        return json.loads(self.hear("30"))[0]

    def answer(self, value: str) -> str:
        """Acknowledge the next event, a question -> its text."""
        number, found, rest = self.hear("2").partition(QUESTION)
        assert found, (number, rest)
        self._session.say(f"{MESSAGE}3{number}{json.dumps([value])}")
        return str(json.loads(f"[{rest}")[0])


@pytest.fixture
def client(port: int) -> Callable[[], Client]:
    return lambda: Client(port)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def opened(port: int, *lines: str, path: str = PATH) -> Any:
    """The answer to a client's first request."""
    return Request(
        port, "GET", f"{path}?{query(EIO='4', transport='polling')}", b"", *lines
    ).answer()


def test_the_path_is_the_teams_with_and_without_its_slash(port: int) -> None:
    assert opened(port).status == 200
    assert opened(port, path=PATH.rstrip("/")).status == 200
    assert opened(port, path="/socket.io/").status == 404


def test_pings_and_sizes_are_announced_as_they_are_given(client: Callable[[], Client]) -> None:
    told = client().opened
    assert (told["pingInterval"], told["pingTimeout"]) == (8500, 3000)
    assert told["maxPayload"] == 2000


def test_a_message_over_max_http_buffer_size_is_refused(port: int) -> None:
    session = Polling(port, PATH)
    assert session.post(MESSAGE + "2" + "x" * 2000).status == 413
    assert session.post(MESSAGE + "0").status == 200


def test_the_cookie_holds_the_sid_with_the_teams_attributes(port: int) -> None:
    answer = opened(port)
    sid = json.loads(answer.body[1:])["sid"]
    assert answer.headers["set-cookie"] == f"balancer={sid}; path=/live; HttpOnly"


@pytest.mark.parametrize(
    ("origin", "status"), [("https://shop.example", 200), ("https://other.example", 403)]
)
def test_the_origins_are_the_teams(port: int, origin: str, status: int) -> None:
    assert opened(port, f"Origin: {origin}").status == status


def test_answers_over_the_compression_threshold_are_compressed(
    port: int, client: Callable[[], Client]
) -> None:
    asking = client()
    asking.ask("large")
    answer = asking._session.poll("Accept-Encoding: gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert b"x" * 1000 in gzip.decompress(answer.body)
    assert "content-encoding" not in opened(port, "Accept-Encoding: gzip").headers


def test_the_json_module_is_the_teams(client: Callable[[], Client]) -> None:
    asking = client()
    asking.ask("json")
    assert json.loads(asking.hear("2")) == ["json", {"type": "<int>"}]


def test_an_event_that_nobody_handles_is_not_acknowledged(client: Callable[[], Client]) -> None:
    asking = client()
    asking.ask("nobody:handles")
    asking.ask("pid")
    assert isinstance(asking.answered(), int)  # the first acknowledgement that comes


def test_call_waits_for_the_answer_in_a_request_and_in_a_background_task(
    port: int, client: Callable[[], Client]
) -> None:
    alice = client()
    request = Request(port, "GET", f"/ask/{alice.sid}")
    assert alice.answer("yes") == "from a request"
    assert request.answer().body == b"yes"
    alice.ask("ask_in_the_background")
    assert json.loads(alice.hear("30")) == []
    assert alice.answer("no") == "from a background task"
    # The offset: a stock client would take a last argument that is a text for its own.
    assert json.loads(alice.hear("2")) == ["answered", "no", "0"]


def test_call_waits_for_a_client_of_another_process(client: Callable[[], Client]) -> None:
    alice = client()
    alice.ask("pid")
    with stopped(alice.answered()):
        bob = client()
    bob.ask("ask", alice.sid)
    assert alice.answer("yes") == "of another client"
    assert bob.answered() == "yes"


def test_call_to_the_client_whose_handler_runs_says_so_and_does_not_wait(
    client: Callable[[], Client],
) -> None:
    alice = client()
    alice.ask("ask_me")
    assert alice.answered().startswith("call('question') in a handler of the same client")
