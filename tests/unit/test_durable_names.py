"""ORDERCAST_DURABLE: which of Flask-SocketIO's emits become events of the journal."""

import logging
from typing import Any

import pytest

from ordercast import ConfigError, Event, Settings
from ordercast.emits import Durable
from ordercast.emits.durable import MAX_LOGGED, DurableEmit
from ordercast.events import EVERYBODY, Events
from ordercast.payloads import text_of


class OrderStatus(Event):
    event = "order:status"
    audience = "user"

    id: str


OPEN, DECLARED = Events(), Events([OrderStatus])
PATTERNS = ("order:*", "notification", "my response")


def message(event: Any = "order:status", *arguments: Any, **changes: Any) -> dict[str, Any]:
    """As the queue has it."""
    fixed = {"method": "emit", "namespace": "/", "room": "user:7", "skip_sid": None}
    data = list(arguments) or [{"id": "3"}]
    return {**fixed, "event": event, "data": data, "binary": False, "callback": None, **changes}


def read(emit: dict[str, Any], events: Events = OPEN) -> DurableEmit | None:
    return Durable(PATTERNS, events).read(emit)


@pytest.mark.parametrize("name", ["order:status", "order:", "notification", "my response"])
def test_a_name_that_matches_a_pattern_is_durable(name: str) -> None:
    assert read(message(name)) == DurableEmit("user:7", name, text_of({"id": "3"}))


@pytest.mark.parametrize("name", ["Order:status", "reorder:1", "notifications", "my_response", 7])
def test_another_name_stays_as_it_was(name: Any) -> None:
    assert read(message(name)) is None


def test_without_patterns_no_emit_is_durable() -> None:
    assert Durable((), OPEN).read(message()) is None


def test_a_broadcast_goes_to_everybody() -> None:
    assert read(message(room=None)) == DurableEmit(EVERYBODY, "order:status", text_of({"id": "3"}))
    assert read(message(room=None), DECLARED) is not None


def test_an_emit_to_several_rooms_is_one_event() -> None:
    emit = read(message(room=["user:7", "user:8", "user:7"]))
    assert emit == DurableEmit("user:7", "order:status", text_of({"id": "3"}), ("user:8",))
    assert read(message(room=["user:7", "seller:8"]), DECLARED) is None


@pytest.mark.parametrize("payload", [None, "text", 5, [1, 2], {"a": "ü"}])
def test_any_single_argument_is_a_payload(payload: Any) -> None:
    assert read(message("order:new", payload)) is not None


STAYS: dict[str, dict[str, Any]] = {
    "it goes to another namespace": {"namespace": "/chat"},
    "it leaves clients out": {"skip_sid": "abc"},
    "it asks for an acknowledgement": {"callback": ["room", "/", 1]},
    "it has bytes": {"binary": True},
    "it has several arguments": {"data": [1, 2]},
    "it has several arguments, or none": {"data": "not a list"},
    "its room is no text": {"room": 5},
    "in the journal the room * is everybody": {"room": "*"},
    "everybody": {"room": ["user:7", "*"]},
    "an event goes to 1 to": {"room": []},
    "is no text": {"room": ["user:7", 5]},
    "the room 'control' is the service's own": {"room": "control"},
    "a room has 1 to 255 printable characters": {"room": "x" * 256},
    "str is not valid UTF-8": {"data": ["half an emoji \ud83d"]},
    "exceeds 64-bit range": {"data": [2**70]},
}


@pytest.mark.parametrize("reason", STAYS)
def test_what_the_journal_cannot_hold_stays_as_it_was_and_the_log_says_once_why(
    reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    durable = Durable(PATTERNS, OPEN)
    assert durable.read(message(**STAYS[reason])) is None
    assert durable.read(message(**STAYS[reason])) is None
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == "an emit is not durable, and sent as it was"
    assert reason in record.__dict__["reason"]


def test_the_lines_of_one_process_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    durable = Durable(PATTERNS, OPEN)
    for number in range(MAX_LOGGED + 5):
        durable.log(f"order:{number}", "why")
    assert len(caplog.records) == MAX_LOGGED


def test_a_decision_of_the_sender_is_not_taken_again(caplog: pytest.LogCaptureFixture) -> None:
    assert read(message(stays=True)) is None
    assert not caplog.records


def test_of_a_declared_event_the_payload_and_the_room_have_to_fit() -> None:
    event = "order:status"
    fits = message(event, {"id": 3, "more": "than declared"})
    assert read(fits, DECLARED) == DurableEmit("user:7", event, text_of({"id": "3"}))
    assert read(message(event, {"no": "id"}), DECLARED) is None
    assert read(message(event, room="seller:7"), DECLARED) is None
    assert read(message(event, room="7"), DECLARED) is None
    assert read(message("order:new"), DECLARED) is None


def test_the_setting_is_a_list_of_names_separated_by_commas() -> None:
    config = {"ORDERCAST_DURABLE": " order:*, notification ,,my response"}
    assert Settings.of(config).DURABLE == PATTERNS
    assert Settings.of({}).DURABLE == ()


@pytest.mark.parametrize("bad", ["order:[a-z", "order:]", "a\tb", "x" * 256])
def test_a_pattern_that_cannot_be_one_stops_the_start(bad: str) -> None:
    with pytest.raises(ConfigError, match="ORDERCAST_DURABLE is wrong"):
        Settings.of({"ORDERCAST_DURABLE": bad})
