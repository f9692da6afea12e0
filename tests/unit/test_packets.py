"""Engine.IO packets and payloads, and what a message is worth to several recipients."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ordercast.transport.frames import BINARY, TEXT, frame
from ordercast.transport.packets import (
    CLOSED,
    NOTHING,
    PINGED,
    PROBED,
    SEPARATOR,
    MalformedPacket,
    Packet,
    message,
    packets,
    payload,
)

texts = some.text(some.characters(exclude_characters=SEPARATOR, exclude_categories=["Cs"]))


def test_a_message_is_a_text_behind_a_4_or_plain_bytes() -> None:
    assert message("tea").data == "4tea"
    assert message(b"tea").data == b"tea"
    assert [one.data for one in (CLOSED, PINGED, NOTHING, PROBED)] == ["1", "2", "6", "3probe"]


def test_a_frame_is_made_once_for_all() -> None:
    text, data = message("\u00fcber"), message(b"\xff")
    assert text.frame == frame(TEXT, "4\u00fcber".encode())
    assert data.frame == frame(BINARY, b"\xff")
    assert text.frame is text.frame


def test_a_packet_that_was_framed_is_still_encoded_for_a_payload() -> None:
    packet = message(b"\xff")
    assert packet.frame
    assert packet.encode(b64=True) == "b/w=="
    assert packet.encode() == b"\xff"


def test_a_payload_has_its_packets_apart() -> None:
    assert payload([message("a"), message(b"\x00\xff"), PINGED]) == b"4a\x1ebAP8=\x1e2"
    assert packets(b"4a\x1ebAP8=\x1e2") == ["4a", b"\x00\xff", "2"]


@given(some.lists(some.one_of(texts, some.binary()), min_size=1))
def test_what_is_sent_is_what_is_read(messages: list[str | bytes]) -> None:
    sent = [message(one) for one in messages]
    assert packets(payload(sent)) == [packet.data for packet in sent]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"4\xc3",
        b"b%",
        b"bYQ",
        b"bYQ=",
        b"bYQ==x",
        b"b Y Q ==",
        "b\u00e9".encode(),
        b"4\x1eb=",
    ],
)
def test_what_is_no_payload_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPacket):
        packets(body)


@given(some.binary())
def test_any_bytes_are_a_payload_or_malformed(body: bytes) -> None:
    with suppress(MalformedPacket):
        assert all(isinstance(one, str | bytes) for one in packets(body))


def test_the_length_bounds_what_waits() -> None:
    assert len(message("x" * 99)) == 100
    assert len(Packet(b"x" * 100)) == 100
