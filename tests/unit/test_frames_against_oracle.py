"""The frame reader against wsproto, which read RFC 6455 independently.

Where the two differ by design, and what the RFC says:
- Size: wsproto has no limit, so it goes on where ours ends with 1009 (section 10.4 asks for one).
- 1014: registered with IANA since, which section 7.4.2 provides for; wsproto refuses it, unless
  it is told as Oracle does.
- When: wsproto hands out a frame's payload as it comes, and looks into it then; ours sees bad
  UTF-8 at the frame's end, and a misplaced fragment already at its head. The verdict is the same
  once the frame is whole, so every stream here ends in more bytes than a frame can have."""

from itertools import pairwise
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as some
from wsproto.frame_protocol import Frame, FrameProtocol, Opcode, ParseFailed

from ordercast.transport.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameReader,
    frame,
)
from tests.harness.clients.frames import Heard, chunks, client_frame, hear

LIMIT = 700
PADDING = bytes(LIMIT + 14)
BAD_GATEWAY = (1014).to_bytes(2, "big")

# Of each width in UTF-8; drawing from all of Unicode takes a second to prepare.
texts = some.text("a\x00é€\ufeff😀", max_size=20)
keys = some.binary(min_size=4, max_size=4)
cuts = some.lists(some.integers(0, 2000), max_size=8)
payloads = some.one_of(
    some.binary(max_size=20),
    texts.map(str.encode),
    # At the edges of the forms of length, without drawing every byte.
    some.builds(bytes.__mul__, some.sampled_from([b"a", "é".encode()]), some.integers(60, 130)),
)
closes = some.builds(
    lambda code, reason: code.to_bytes(2, "big") + reason,
    some.one_of(some.sampled_from([999, *range(1000, 1017), 2999, 5000]), some.integers(0, 65535)),
    some.one_of(some.binary(max_size=5), texts.map(str.encode)),
)


class Oracle(FrameProtocol):
    def _process_close(self, close: Frame) -> Frame:
        if close.payload[:2] != BAD_GATEWAY:
            return super()._process_close(close)
        said = bytes(close.payload)  # type: ignore[arg-type]
        known = super()._process_close(close._replace(payload=b"\x03\xe8" + said[2:]))
        _, reason = cast(tuple[int, str], known.payload)
        return known._replace(payload=(1014, reason))


def verdict(stream: list[bytes], kind: type[FrameProtocol] = Oracle) -> tuple[Heard, int | None]:
    protocol = kind(client=False, extensions=[])
    heard: Heard = []
    pieces: list[Any] = []
    try:
        for chunk in stream:
            protocol.receive_bytes(chunk)
            for got in protocol.received_frames():
                if got.opcode is Opcode.CLOSE:
                    code, reason = cast(tuple[int, str], got.payload)
                    payload = code.to_bytes(2, "big") + reason.encode()
                    heard.append((CLOSE, b"" if code == 1005 else payload))
                elif got.opcode.iscontrol():
                    heard.append((int(got.opcode), cast(bytes, got.payload)))
                else:
                    pieces.append(got.payload)
                    if got.message_finished:
                        empty: Any = "" if got.opcode is Opcode.TEXT else b""
                        heard.append((int(got.opcode), empty.join(pieces)))
                        pieces.clear()
    except ParseFailed as error:
        return heard, int(error.code)
    return heard, None


controls = some.tuples(
    some.sampled_from([PING, PONG]), some.binary(max_size=9) | some.just(bytes(125))
)


@some.composite
def conversations(draw: some.DrawFn) -> tuple[bytes, Heard]:
    """A stream without a fault, and what it says."""
    stream = b""
    said: Heard = []
    for opcode in draw(some.lists(some.sampled_from([TEXT, BINARY]), max_size=4)):
        text = draw(texts) * draw(some.sampled_from([1, 1, 1, 30]))
        payload = text.encode()[:LIMIT] if opcode == BINARY else text[: LIMIT // 4].encode()
        fragments = chunks(payload, draw(some.lists(some.integers(0, len(payload)), max_size=3)))
        for number, part in enumerate(fragments):
            stream += client_frame(
                CONTINUATION if number else opcode,
                part,
                fin=number == len(fragments) - 1,
                key=draw(keys),
            )
            if number < len(fragments) - 1 and draw(some.booleans()):
                control = draw(controls)
                stream += client_frame(*control)
                said.append(control)
        said.append((opcode, payload.decode() if opcode == TEXT else payload))
    if draw(some.booleans()):
        stream += client_frame(CLOSE, b"\x03\xe8bye")
        said.append((CLOSE, b"\x03\xe8bye"))
    return stream, said


@settings(max_examples=60)
@given(conversation=conversations(), cuts=cuts)
def test_a_good_stream_says_the_same_to_both(
    conversation: tuple[bytes, Heard], cuts: list[int]
) -> None:
    stream, said = conversation
    assert hear(FrameReader(LIMIT), chunks(stream, cuts)) == (said, None)
    assert verdict(chunks(stream, cuts)) == (said, None)


def agree(stream: bytes, cuts: list[int]) -> None:
    stream += PADDING
    ours, our_error = hear(FrameReader(LIMIT), chunks(stream, cuts))
    theirs, their_error = verdict(chunks(stream, cuts))
    if our_error == 1009:
        assert theirs[: len(ours)] == ours
    else:
        assert (ours, our_error) == (theirs, their_error)


odd_frames = some.builds(
    client_frame,
    some.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG]) | some.integers(0, 15),
    payloads,
    fin=some.booleans(),
    rsv=some.sampled_from([0] * 9 + [1, 2, 4]),
    key=some.sampled_from([bytes(4)] * 9 + [None]) | keys,
    declared=some.none() | some.none() | some.integers(0, 2**64 - 1),
    width=some.none(),
)
fragments = some.builds(
    client_frame, some.sampled_from([CONTINUATION, TEXT, BINARY]), payloads, fin=some.booleans()
)
frames = some.one_of(
    fragments,
    fragments,
    some.builds(client_frame, some.just(CLOSE), closes),
    some.builds(lambda control: client_frame(*control), controls),
    some.builds(
        lambda length, width: client_frame(BINARY, bytes(length), width=width),
        some.sampled_from([0, 125, 126, 300, LIMIT, LIMIT + 1]),
        some.sampled_from([2, 8]),
    ),
    odd_frames,
)


@settings(max_examples=150)
@given(stream=some.lists(frames, max_size=5).map(b"".join), cuts=cuts)
@example(stream=client_frame(CLOSE, BAD_GATEWAY + b"\xff"), cuts=[])
def test_a_stream_of_odd_frames_gets_the_same_verdict(stream: bytes, cuts: list[int]) -> None:
    agree(stream, cuts)


@settings(max_examples=60)
@given(
    conversation=conversations(),
    changed=some.lists(some.tuples(some.integers(0, 600), some.binary(max_size=3)), max_size=3),
    cuts=cuts,
)
def test_a_damaged_stream_gets_the_same_verdict(
    conversation: tuple[bytes, Heard], changed: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    stream, _ = conversation
    for place, instead in changed:
        at = place % (len(stream) + 1)
        stream = stream[:at] + instead + stream[at + 1 :]
    agree(stream, cuts)


@settings(max_examples=60)
@given(stream=some.binary(max_size=40), cuts=cuts)
def test_arbitrary_bytes_get_the_same_verdict(stream: bytes, cuts: list[int]) -> None:
    agree(stream, cuts)


def test_every_close_code_but_one_gets_the_same_verdict() -> None:
    differ = []
    for code in range(5100):
        close = [client_frame(CLOSE, code.to_bytes(2, "big"))]
        if hear(FrameReader(LIMIT), close) != verdict(close, FrameProtocol):
            differ.append(code)
    assert differ == [1014]


def test_what_is_written_is_read_by_the_other_side() -> None:
    for first, after in pairwise([0, 1, 125, 126, 127, 65535, 65536]):
        client = FrameProtocol(client=True, extensions=[])
        client.receive_bytes(frame(BINARY, bytes(first)) + frame(TEXT, b"a" * after))
        got = list(client.received_frames())
        assert [(int(one.opcode), len(one.payload)) for one in got] == [
            (BINARY, first),
            (TEXT, after),
        ]
