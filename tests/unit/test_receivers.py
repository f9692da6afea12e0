"""Who an event goes to: an id, or a room of the event's own audience. What would be accepted and
reach nobody is refused with the reason, by every way in."""

from typing import Any
from uuid import UUID

import pytest

from app.emitters import Emitters, Refused
from app.events import EVENTS, LowStock, Notification
from tests.unit.test_inbox_letters import GOOD, entry, read, reason

ID = UUID("7f3f0d2e-6f0d-4a52-9d2c-2f7a8b1c9e55")
ROOMS = {
    "7": "user:7",
    7: "user:7",
    "user:7": "user:7",
    ID: f"user:{ID}",
    "google-oauth2|108": "user:google-oauth2|108",
    "urn:shop:7": "user:urn:shop:7",
    "userland": "user:userland",
    "user:seller:7": "user:seller:7",  # an id that looks like a room
    "user:user:7": "user:user:7",
    "user:control": "user:control",
    "user:" + "7" * 200: "user:" + "7" * 200,
}
NOBODYS = (
    *("seller:7", "seller:", "control", "control:7", "Seller:7", "USER:7", "user :7"),
    *("", " ", "user:", "user: 7", "user:7 ", " user:7", " 7", "7 ", "7\n", "user:7\n", "\u00a07"),
    *("a\0b", "\ud83d", "7" * 201, "user:" + "7" * 201),
)


@pytest.mark.parametrize(("receiver", "room"), ROOMS.items())
def test_an_id_or_its_room_is_the_room(receiver: Any, room: str) -> None:
    assert EVENTS.room(Notification, receiver) == room


@pytest.mark.parametrize("receiver", [*NOBODYS, None, True, 7.0, b"7", ["user:7"], {"id": "7"}])
def test_what_is_nobodys_is_refused(receiver: Any) -> None:
    with pytest.raises(Refused, match=r"receiver|goes to a user"):
        EVENTS.room(Notification, receiver)


def test_an_event_for_sellers_takes_a_sellers_room_and_no_users() -> None:
    assert EVENTS.room(LowStock, "seller:7") == EVENTS.room(LowStock, "7") == "seller:7"
    with pytest.raises(Refused, match="goes to a seller: an id or seller:id, not 'user:7'"):
        EVENTS.room(LowStock, "user:7")


@pytest.mark.parametrize("name", GOOD)
def test_an_entry_of_the_inbox_may_name_the_room(name: str) -> None:
    room, payload = GOOD[name]
    fields = entry(payload, event=name.encode(), to=room.encode())
    assert read("1-1", fields).room == room


@pytest.mark.parametrize("name", GOOD)
def test_an_entry_with_a_room_of_others_is_refused_with_the_reason(name: str) -> None:
    room, payload = GOOD[name]
    other = "seller:7" if room == "user:7" else "user:7"
    said = reason(entry(payload, event=name.encode(), to=other.encode()))
    assert said.startswith(f"{name} goes to a {room.partition(':')[0]}")
    assert other in said


@pytest.mark.parametrize("receiver", ["seller:7", "control", " 7"])
def test_the_emitters_refuse_it_whatever_they_send_through(receiver: str) -> None:
    sent: list[Any] = []
    emitters = Emitters(lambda *event: sent.append(event))
    with pytest.raises(Refused):
        emitters.send_notification(receiver, GOOD["notification"][1])
    emitters.send_notification("user:7", GOOD["notification"][1])
    assert [room for room, *_ in sent] == ["user:7"]
