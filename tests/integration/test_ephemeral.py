"""Stock emits, which are in no journal: the client takes a last argument that is a string for its
offset, and must come to no harm by that."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordercast.metrics import QUEUE_MESSAGES_REFUSED
from tests.harness.application.tabs import ALICE, Tab, WebProcess, append, published


@pytest.fixture
def tab(process: WebProcess) -> Tab:
    """It has seen 1 and 2."""
    tab = Tab(ALICE).connect(process)
    append("user:1", 2)
    process.hear(*published())
    tab.read()
    return tab


@pytest.mark.parametrize(
    "arguments",
    [[{"title": "Hello"}], [["a", "b"]], [5], [None], [True], ["text", {"a": "b"}], ["text", 1.5]],
)
def test_what_ends_in_no_string_arrives_unchanged(
    process: WebProcess, tab: Tab, arguments: list[Any]
) -> None:
    process.emit("hello", *arguments, room="user:1")
    tab.read()
    # A single None is how the queue says that there is no argument.
    expected = ["2"] if arguments == [None] else arguments
    assert tab.got[-1] == ("hello", expected)
    assert tab.offset == "2"


@pytest.mark.parametrize("arguments", [["text"], [{"a": 1}, "999"], [1, ""], ["7", "3"], []])
def test_what_ends_in_a_string_is_followed_by_the_offset_it_has(
    process: WebProcess, tab: Tab, arguments: list[Any]
) -> None:
    """PR #5539. Without any argument the client takes the event's name for its offset."""
    process.emit("hello", *arguments, room="user:1")
    tab.read()
    assert tab.got[-1] == ("hello", [*arguments, "2"])
    tab.cut()
    append("user:1")
    process.hear(*published())
    assert tab.connect(process).recovered
    assert tab.offsets == [3]


def test_the_offset_is_the_last_durable_position_also_of_other_rooms(
    process: WebProcess, tab: Tab
) -> None:
    append("user:3", 4)
    process.hear(*published())
    process.emit("hello", "text", room="user:1")
    tab.read()
    assert tab.offset == "6"


def test_it_is_never_behind_what_the_client_had_when_it_came(
    process: WebProcess, tab: Tab, start: Any
) -> None:
    """A process that just started has sent nothing yet, and still owes this client only news."""
    fresh = start()
    tab.cut().connect(fresh)
    fresh.emit("hello", "text", room="user:1")
    tab.read()
    assert tab.offset == "2"


HALF = "\ud83d"  # the first half of an emoji: what `text[:20]` of JavaScript or Java may end with


@pytest.mark.parametrize("arguments", [[HALF], [{HALF: ["\udf75", f"tea {HALF}"]}], [f"{HALF}\0"]])
def test_half_an_emoji_arrives_as_a_stock_server_sends_it(
    process: WebProcess, tab: Tab, arguments: list[Any]
) -> None:
    process.emit(f"hello{HALF}", *arguments, room="user:1")
    tab.read()
    name, got = tab.got[-1]
    assert (name, got[: len(arguments)]) == (f"hello{HALF}", arguments)


def test_half_an_emoji_arrives_from_within_the_process(process: WebProcess, tab: Tab) -> None:
    process.live.socketio.emit("hello", {"title": HALF}, to="user:1")
    tab.read()
    assert tab.got[-1] == ("hello", [{"title": HALF}])


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_no_client_can_read_is_refused_also_beside_half_an_emoji(
    process: WebProcess, tab: Tab, number: str
) -> None:
    refused = QUEUE_MESSAGES_REFUSED._value.get()
    message = rb'{"method": "emit", "event": "hello", "data": ["\ud83d", %s], "room": "user:1"}'
    process.live.manager.receive(message % number.encode())
    process.emit("hello", 1, room="user:1")
    tab.read()
    assert tab.got[-1] == ("hello", [1])
    assert QUEUE_MESSAGES_REFUSED._value.get() == refused + 1


events = st.sampled_from(["durable", "of others", "text", "object", "nothing", "cut", "cut short"])


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(schedule=st.lists(events, max_size=12))
def test_offsets_never_go_back(process: WebProcess, schedule: list[str]) -> None:
    tab = Tab(ALICE).connect(process)
    seen = []
    for what in schedule:
        if what in ("durable", "of others"):
            append("user:1" if what == "durable" else "user:3")
            process.hear(*published())
        elif what in ("cut", "cut short"):
            tab.read(1 if what == "cut short" else 10**9)
            tab.cut().connect(process)
            assert tab.recovered
        else:
            texts: dict[str, list[Any]] = {"text": ["text"], "object": [{"a": "b"}], "nothing": []}
            process.emit("hello", *texts[what], room="user:1")
        for _ in range(len(tab.engine.wire) if tab.engine else 0):
            tab.read(1)
            seen.append(int(tab.offset or 0))
    assert seen == sorted(seen)
    assert tab.since_snapshot == sorted(set(tab.since_snapshot))
    tab.cut()
