"""Half a message: its attachments come, or do not."""

import pytest

from ordercast.transport.attachments import ATTACHMENT_SECONDS, Attachments
from ordercast.transport.packets import MalformedPacket, TooLarge
from ordercast.transport.protocol import StrictPacket
from tests.harness.application.hub import Clock

HEAD = '52-["photo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def late() -> list[str]:
    return []


@pytest.fixture
def attachments(clock: Clock, late: list[str]) -> Attachments:
    return Attachments(
        clock,
        max_message_bytes=1000,
        expired=late.append,
    )


def half() -> StrictPacket:
    return StrictPacket(encoded_packet=HEAD)


def test_a_message_is_whole_with_its_last_attachment(attachments: Attachments) -> None:
    message = half()
    attachments.expect("client", message, 100)
    assert attachments.add("client", b"one") is None
    assert attachments.add("client", b"") is message
    assert "client" not in attachments


def test_the_bytes_of_all_its_parts_are_bounded(attachments: Attachments) -> None:
    attachments.expect("client", half(), 100)
    assert attachments.add("client", bytes(450)) is None
    assert attachments.add("client", bytes(450)) is not None
    attachments.expect("client", half(), 100)
    assert attachments.add("client", bytes(450)) is None
    with pytest.raises(TooLarge):
        attachments.add("client", bytes(451))
    assert TooLarge.ending.code == 1009


def test_a_text_in_the_place_of_an_attachment_is_malformed(attachments: Attachments) -> None:
    attachments.expect("client", half(), 100)
    with pytest.raises(MalformedPacket):
        attachments.add("client", "text")


def test_who_is_late_is_named_once_and_one_deadline_is_set_for_all(
    attachments: Attachments, clock: Clock, late: list[str]
) -> None:
    attachments.expect("early", half(), 100)
    attachments.expect("gone", half(), 100)
    attachments.expect("later", half(), 100)
    assert [seconds <= ATTACHMENT_SECONDS for seconds, *_ in clock.due] == [True]
    attachments.discard("gone")
    attachments.discard("never was")
    attachments._halves["early"].due = 0.0
    clock.strike()
    assert late == ["early"]
    assert len(clock.due) == 1  # for the later one
    attachments._halves["later"].due = 0.0
    clock.strike()
    assert late == ["early", "later"]
    assert clock.due == []
    attachments.expect("again", half(), 100)
    assert len(clock.due) == 1
