"""A SocketIO(app) that the team has initialised, without identities, on the installed wheel."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.adoption.conftest import Ground, Place
from tests.harness.clients.stock import StockClient

Client = Callable[[str], StockClient]


class Chat(Place):
    app = Path(__file__).parent / "adopted" / "app.py"


@pytest.fixture(scope="module")
def chat(ground: Ground, binaries: Path) -> Iterator[Chat]:
    chat = Chat(
        ground.folder,
        binaries,
        SQLALCHEMY_DATABASE_URI=ground.database_url,
        ORDERCAST_REDIS_URL=ground.redis_url,
        ORDERCAST_DURABLE="said",
    )
    with chat.running():
        yield chat


@pytest.fixture
def client(chat: Chat) -> Iterator[Client]:
    """A builder of clients that have entered a room, and may be in one."""
    made: list[StockClient] = []

    def make(entered: str) -> StockClient:
        made.append(StockClient(chat.url, path="/live", auth={"rooms": ["tea"]}))
        made[-1].wait_settled()
        made[-1].tell(ask=["enter", entered])
        assert made[-1].wait("answer")["args"] == ["welcome"]
        return made[-1]

    yield make
    for each in made:
        each.leave()


@pytest.mark.parametrize(("room", "recovered"), [("tea", True), ("coffee", False)])
def test_may_join_decides_whether_a_client_with_a_late_room_is_recovered(
    client: Client, room: str, recovered: bool
) -> None:
    alice, bob = client(room), client(room)
    bob.tell(ask=["say", room, "first"])
    alice.wait_event("said")
    alice.tell(disconnect=True)
    alice.wait("disconnect")
    bob.tell(ask=["say", room, "second"])
    bob.wait_event("said", 2)
    alice.tell(connect=True)
    assert alice.wait_settled(2)["recovered"] is recovered
    if not recovered:
        alice.tell(ask=["enter", room])
        alice.wait("answer", 2)
    bob.tell(ask=["say", room, "third"])
    expected = ["first", "second", "third"] if recovered else ["first", "third"]
    alice.wait_event("said", len(expected))
    assert [payload["text"] for payload, _ in alice.events("said")] == expected


IN_PROCESS = """
from app import app, socketio
from ordercast.testing import capture

app.testing = True
with capture(app) as sent:
    client = socketio.test_client(app, auth={"rooms": []})
    assert client.is_connected()
    assert client.emit("enter", "tea", callback=True) == "welcome"
    client.emit("say", "tea", "hello", callback=True)
    [received] = client.get_received()
assert (received["name"], received["args"]) == ("said", [{"text": "hello"}]), received
assert sent["tea"] == [("said", {"text": "hello"})], sent
"""


def test_the_test_client_of_flask_socketio_and_capture_work(chat: Chat) -> None:
    done = chat.run("python", "-c", IN_PROCESS)
    assert done.returncode == 0, done.stderr
