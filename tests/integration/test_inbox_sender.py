"""Sending to the inbox: what Redis confirmed is there, and everything else is an error."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

import ordercast
from app.emitters import Emitters, Inbox, InboxUnavailable, InvalidEvent, Refused
from app.events import EVENTS
from ordercast import broker
from ordercast.inbox.letters import read
from ordercast.inbox.sender import MAX_PAYLOAD_BYTES
from ordercast.payloads import text_of
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NOTE = {"title": "Paid", "message": "Thank you", "type": "info"}


@pytest.fixture
def stream(own_redis: RedisServer) -> Iterator[broker.Redis]:
    with broker.connect(own_redis.url) as client:
        yield client


def entries(stream: broker.Redis) -> list[tuple[bytes, dict[bytes, bytes]]]:
    return cast(list[tuple[bytes, dict[bytes, bytes]]], stream.xrange("ordercast:inbox"))


def test_what_the_emitters_send_is_what_the_worker_understands(
    own_redis: RedisServer, stream: broker.Redis
) -> None:
    inbox = Inbox(own_redis.url)
    low = {"id": 1, "name": "Tea", "stock": 5}
    Emitters(inbox.send).low_stock_alert(8, low)
    Emitters(inbox.once("payment-991")).send_notification("7", NOTE)
    first, second = [read(EVENTS, entry.decode(), fields) for entry, fields in entries(stream)]
    assert (first.room, first.payload) == ("seller:8", text_of({**low, "id": "1"}))
    assert (second.room, second.payload, second.key) == ("user:7", text_of(NOTE), "id:payment-991")


def test_a_service_that_declares_nothing_gets_any_event_in_the_room_as_it_stands(
    own_redis: RedisServer, stream: broker.Redis
) -> None:
    inbox = ordercast.Inbox(own_redis.url)
    inbox.send("depot", "parcel:moved", {"id": "3"})
    inbox.once("scan-991")("depot", "parcel:moved", ["3", None])
    with pytest.raises(Refused, match="room"):
        inbox.send("control", "parcel:moved", {})
    first, second = [
        read(ordercast.Events(), entry.decode(), fields) for entry, fields in entries(stream)
    ]
    assert (first.room, first.event, first.payload) == (
        "depot",
        "parcel:moved",
        text_of({"id": "3"}),
    )
    assert (second.key, second.payload) == ("id:scan-991", text_of(["3", None]))


def test_without_redis_the_sender_is_told_where_it_looked() -> None:
    port = free_port()
    emitters = Emitters(Inbox(f"redis://127.0.0.1:{port}/0").send)
    with pytest.raises(InboxUnavailable, match=rf"did not confirm the event: .*{port}.*refused"):
        emitters.send_notification("7", NOTE)


def test_a_wrong_password_is_an_error_that_does_not_repeat_it(
    own_redis: RedisServer, stream: broker.Redis
) -> None:
    stream.config_set("requirepass", "another")
    url = own_redis.url.replace("//", "//:open-sesame@")
    with pytest.raises(InboxUnavailable, match="password") as caught:
        Emitters(Inbox(url).send).send_notification("7", NOTE)
    assert "sesame" not in str(caught.value)


def test_a_redis_that_hangs_is_an_error_and_the_repeat_with_the_id_is_one_entry(
    own_redis: RedisServer, stream: broker.Redis
) -> None:
    # The race: Redis took the event, and its answer does not arrive.
    emitters = Emitters(Inbox(own_redis.url, timeout=0.2).once("payment-991"))
    emitters.send_notification("7", NOTE)  # connected
    own_redis.freeze()
    with pytest.raises(InboxUnavailable, match=r"did not confirm the event: [Tt]imeout"):
        emitters.send_notification("7", NOTE)
    own_redis.thaw()
    wait_until(lambda: stream.xlen("ordercast:inbox") == 2, "Redis reads what was sent to it")
    emitters.send_notification("7", NOTE)
    keys = [read(EVENTS, "1-1", fields).key for _, fields in entries(stream)]
    assert keys == ["id:payment-991"] * 3


def test_what_the_service_would_refuse_is_not_sent(
    own_redis: RedisServer, stream: broker.Redis
) -> None:
    emitters = Emitters(Inbox(own_redis.url).send)
    for receiver in ("", "7\n", "7" * 201):
        with pytest.raises(Refused, match="receiver's id"):
            emitters.send_notification(receiver, NOTE)
    with pytest.raises(Refused, match="data is larger than"):
        emitters.send_notification("7", {**NOTE, "message": "m" * MAX_PAYLOAD_BYTES})
    with pytest.raises(InvalidEvent, match="title"):
        emitters.send_notification("7", {})
    assert stream.xlen("ordercast:inbox") == 0


@pytest.mark.parametrize(
    ("room", "receiver"),
    [("user:7", "7"), ("7", "7"), ("user:seller:7", "user:seller:7"), ("user:a:b", "a:b")],
)
def test_the_room_that_was_meant_is_the_room_that_is_read(
    own_redis: RedisServer, stream: broker.Redis, room: str, receiver: str
) -> None:
    Inbox(own_redis.url).send(room, "notification", NOTE)
    [(_, fields)] = entries(stream)
    assert fields[b"to"].decode() == receiver
    meant = room if room.startswith("user:") else f"user:{room}"
    assert read(EVENTS, "1-1", fields).room == meant


@pytest.mark.parametrize(
    ("room", "event", "payload"),
    [
        ("seller:7", "notification", NOTE),
        ("control", "notification", NOTE),
        ("user:", "notification", NOTE),
        ("user:7", "order:gone", NOTE),
        ("user:7", "notification", {**NOTE, "title": "tea \ud83d"}),
        ("user:7", "notification", {**NOTE, "title": object()}),
    ],
)
def test_what_could_not_arrive_is_refused_at_once(
    own_redis: RedisServer, stream: broker.Redis, room: str, event: str, payload: Any
) -> None:
    with pytest.raises(Refused):
        Inbox(own_redis.url).send(room, event, payload)
    assert stream.xlen("ordercast:inbox") == 0


@pytest.mark.parametrize("id", ["", "a\nb", "i" * 201])
def test_an_id_that_the_service_would_refuse_is_refused_at_once(id: str) -> None:
    with pytest.raises(Refused, match="`id` has 1 to 200"):
        Inbox("redis://127.0.0.1:1/0").once(id)
