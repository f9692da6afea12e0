"""The frame reader and writer, rule by rule of RFC 6455, each at its edge."""

import sys

import pytest

from ordercast.transport.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    close_code,
    close_payload,
    frame,
)
from tests.fuzz.frames import attack, kept_bytes
from tests.harness.clients.frames import FRAGMENT, Heard, client_frame, hear

LIMIT = 1 << 17

PROTOCOL, UTF8, TOO_BIG = 1002, 1007, 1009

EURO = "€".encode()


def read(*stream: bytes, limit: int = LIMIT) -> Heard:
    reader = FrameReader(limit)
    return [got for data in stream for got in reader.feed(data) if got != FRAGMENT]


def refused(*stream: bytes, limit: int = LIMIT) -> tuple[Heard, int | None]:
    return hear(FrameReader(limit), stream)


def fragment(payload: bytes, *, of: int = CONTINUATION) -> bytes:
    return client_frame(of, payload, fin=False)


def closing(code: int, reason: bytes = b"") -> bytes:
    return client_frame(CLOSE, code.to_bytes(2, "big") + reason)


# The examples of section 5.7; its server frames are unmasked, its client frames masked.


def test_the_masked_hello_of_the_rfc_is_read() -> None:
    assert read(bytes.fromhex("8185 37fa213d 7f9f4d5158")) == [(TEXT, "Hello")]


def test_the_masked_pong_of_the_rfc_is_read() -> None:
    assert read(bytes.fromhex("8a85 37fa213d 7f9f4d5158")) == [(PONG, b"Hello")]


def test_the_fragmented_hello_of_the_rfc_is_one_message() -> None:
    assert read(fragment(b"Hel", of=TEXT) + client_frame(CONTINUATION, b"lo")) == [(TEXT, "Hello")]


@pytest.mark.parametrize(
    ("opcode", "payload", "head"),
    [
        (TEXT, b"Hello", "8105"),
        (PING, b"Hello", "8905"),
        (BINARY, bytes(256), "827e0100"),
        (BINARY, bytes(65536), "827f0000000000010000"),
    ],
)
def test_the_server_frames_of_the_rfc_are_written(opcode: int, payload: bytes, head: str) -> None:
    assert frame(opcode, payload) == bytes.fromhex(head) + payload


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, "8200"),
        (125, "827d"),
        (126, "827e007e"),
        (65535, "827effff"),
        (65536, "827f0000000000010000"),
    ],
)
def test_a_length_is_written_in_its_shortest_form(length: int, head: str) -> None:
    assert frame(BINARY, bytes(length)).hex()[: -2 * length or None] == head


def test_a_control_frame_that_is_too_long_is_not_written() -> None:
    assert len(frame(PING, bytes(125))) == 127
    with pytest.raises(ValueError, match="126 bytes"):
        frame(PING, bytes(126))


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 125, 126, 127, 65535, 65536])
def test_every_form_of_length_is_read(length: int) -> None:
    payload = bytes(i % 251 for i in range(length))
    assert read(client_frame(BINARY, payload)) == [(BINARY, payload)]


def test_several_frames_in_one_chunk_are_all_read() -> None:
    stream = client_frame(TEXT, b"a") + client_frame(PING) + client_frame(BINARY, b"b")
    assert read(stream) == [(TEXT, "a"), (PING, b""), (BINARY, b"b")]


def test_a_stream_may_be_cut_anywhere() -> None:
    frames = [client_frame(TEXT, EURO), client_frame(BINARY, bytes(126)), closing(1000)]
    stream, whole = b"".join(frames), read(*frames)
    for at in range(len(stream) + 1):
        assert read(stream[:at], stream[at:]) == whole
    assert read(*(stream[i : i + 1] for i in range(len(stream)))) == whole


def test_nothing_fed_gives_nothing() -> None:
    assert read(b"", client_frame(TEXT, b"a")[:3], b"", client_frame(TEXT, b"a")[3:]) == [
        (TEXT, "a")
    ]


# Heads, sections 5.1 and 5.2.


@pytest.mark.parametrize("rsv", [1, 2, 4])
def test_a_reserved_bit_is_an_error(rsv: int) -> None:
    assert refused(client_frame(TEXT, b"a", rsv=rsv)) == ([], PROTOCOL)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_an_unknown_opcode_is_an_error(opcode: int) -> None:
    assert refused(client_frame(opcode, b"a")) == ([], PROTOCOL)


@pytest.mark.parametrize("opcode", [TEXT, BINARY, CLOSE, PING, PONG])
def test_a_frame_without_a_mask_is_an_error(opcode: int) -> None:
    assert refused(client_frame(opcode, key=None)) == ([], PROTOCOL)


@pytest.mark.parametrize(("length", "width"), [(0, 2), (125, 2), (125, 8), (126, 8), (65535, 8)])
def test_a_length_not_in_its_shortest_form_is_an_error(length: int, width: int) -> None:
    assert refused(client_frame(BINARY, bytes(length), width=width)) == ([], PROTOCOL)


def test_a_length_of_64_bits_is_an_error_not_a_size() -> None:
    assert refused(client_frame(BINARY, declared=1 << 63)) == ([], PROTOCOL)
    assert refused(client_frame(BINARY, declared=(1 << 63) - 1)) == ([], TOO_BIG)


@pytest.mark.parametrize("head", ["f1", "8385", "8105", "0985", "89fe"])
def test_two_bytes_are_enough_to_see_a_wrong_head(head: str) -> None:
    assert refused(bytes.fromhex(head).ljust(2, b"\x80")) == ([], PROTOCOL)


# Control frames, section 5.5.


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_a_control_frame_has_at_most_125_bytes(opcode: int) -> None:
    assert read(client_frame(opcode, bytes(125))) == [(opcode, bytes(125))]
    assert refused(client_frame(opcode, bytes(126))) == ([], PROTOCOL)
    assert refused(client_frame(opcode, bytes(65536))) == ([], PROTOCOL)


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_a_control_frame_in_fragments_is_an_error(opcode: int) -> None:
    assert refused(client_frame(opcode, fin=False)) == ([], PROTOCOL)


def test_control_frames_may_come_between_fragments() -> None:
    stream = fragment(b"a", of=TEXT) + client_frame(PING, b"!") + fragment(b"b")
    stream += client_frame(PONG) + client_frame(CONTINUATION, b"c")
    assert read(stream) == [(PING, b"!"), (PONG, b""), (TEXT, "abc")]


def test_the_message_limit_is_not_for_control_frames() -> None:
    assert read(client_frame(PING, bytes(125)), limit=1) == [(PING, bytes(125))]


# Fragments, section 5.4.


@pytest.mark.parametrize("fin", [True, False])
def test_a_continuation_of_nothing_is_an_error(fin: bool) -> None:
    assert refused(client_frame(CONTINUATION, b"a", fin=fin)) == ([], PROTOCOL)


def test_a_continuation_after_the_last_fragment_is_an_error() -> None:
    stream = fragment(b"a", of=BINARY) + client_frame(CONTINUATION) + client_frame(CONTINUATION)
    assert refused(stream) == ([(BINARY, b"a")], PROTOCOL)


@pytest.mark.parametrize("fin", [True, False])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_new_message_within_a_fragmented_one_is_an_error(opcode: int, fin: bool) -> None:
    stream = fragment(b"", of=TEXT) + client_frame(opcode, b"a", fin=fin)
    assert refused(stream) == ([], PROTOCOL)


def test_fragments_may_be_empty() -> None:
    stream = fragment(b"", of=TEXT) + fragment(b"") + client_frame(CONTINUATION)
    assert read(stream) == [(TEXT, "")]


def test_the_next_message_starts_from_nothing() -> None:
    first = fragment(b"a", of=TEXT) + client_frame(CONTINUATION, b"b")
    second = fragment(b"\xff", of=BINARY) + client_frame(CONTINUATION, b"\xfe")
    assert read(first + second + first) == [(TEXT, "ab"), (BINARY, b"\xff\xfe"), (TEXT, "ab")]


# The limit, section 10.4.


def test_a_message_at_the_limit_is_read_and_one_byte_more_is_not() -> None:
    assert read(client_frame(BINARY, bytes(10)), limit=10) == [(BINARY, bytes(10))]
    assert refused(client_frame(BINARY, bytes(11)), limit=10) == ([], TOO_BIG)


def test_the_limit_is_for_all_fragments_together() -> None:
    start = fragment(bytes(9), of=BINARY)
    assert read(start + client_frame(CONTINUATION, b"a"), limit=10) == [(BINARY, bytes(9) + b"a")]
    assert refused(start + client_frame(CONTINUATION, b"ab"), limit=10) == ([], TOO_BIG)


def test_the_limit_is_in_bytes_not_characters() -> None:
    assert refused(client_frame(TEXT, EURO * 3), limit=8) == ([], TOO_BIG)
    assert read(client_frame(TEXT, EURO * 3), limit=9) == [(TEXT, "€€€")]


@pytest.mark.parametrize(("declared", "head"), [(11, 2), (1000, 4), (1 << 30, 10)])
def test_a_declared_length_is_refused_before_any_payload_comes(declared: int, head: int) -> None:
    reader = FrameReader(10)
    start = client_frame(TEXT, declared=declared)[:head]
    assert hear(reader, [start]) == ([], TOO_BIG)
    assert kept_bytes(reader) == 0


def test_what_came_before_an_error_is_heard() -> None:
    stream = client_frame(TEXT, b"a") + client_frame(PING) + client_frame(3)
    assert refused(stream) == ([(TEXT, "a"), (PING, b"")], PROTOCOL)


def test_an_error_says_why() -> None:
    with pytest.raises(FrameError, match="Message over 10 bytes"):
        read(client_frame(TEXT, bytes(11)), limit=10)


# Text, section 8.1.


@pytest.mark.parametrize(
    "payload",
    [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", EURO[:2], b"a" + EURO[1:]],
)
def test_text_that_is_not_utf8_is_an_error(payload: bytes) -> None:
    assert refused(client_frame(TEXT, payload)) == ([], UTF8)
    assert refused(fragment(payload, of=TEXT) + client_frame(CONTINUATION)) == ([], UTF8)
    assert read(client_frame(BINARY, payload)) == [(BINARY, payload)]


def test_a_character_may_be_cut_by_fragments() -> None:
    stream = (
        fragment(EURO[:1], of=TEXT) + fragment(EURO[1:2]) + client_frame(CONTINUATION, EURO[2:])
    )
    assert read(stream) == [(TEXT, "€")]


def test_bad_text_is_refused_in_the_fragment_it_comes_in() -> None:
    assert refused(fragment(b"a\xff", of=TEXT)) == ([], UTF8)
    assert refused(fragment(EURO[:2], of=TEXT), fragment(b"a")) == ([], UTF8)


def test_a_byte_order_mark_is_a_character() -> None:
    assert read(client_frame(TEXT, b"\xef\xbb\xbfa")) == [(TEXT, "\ufeffa")]


# Closing, sections 5.5.1 and 7.4.

VALID = [1000, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999]
INVALID = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


@pytest.mark.parametrize("code", VALID)
def test_a_valid_close_code_is_read_and_written(code: int) -> None:
    [(opcode, payload)] = read(closing(code, b"bye"))
    assert opcode == CLOSE
    assert isinstance(payload, bytes)
    assert payload == close_payload(code, "bye")
    assert close_code(payload) == code


@pytest.mark.parametrize("code", INVALID)
def test_an_invalid_close_code_is_an_error(code: int) -> None:
    assert refused(closing(code)) == ([], PROTOCOL)
    if code != 1005:
        with pytest.raises(ValueError, match=str(code)):
            close_payload(code)


def test_a_close_without_a_code_is_answered_without_one() -> None:
    assert read(client_frame(CLOSE)) == [(CLOSE, b"")]
    assert close_code(b"") == 1005
    assert close_payload(1005) == b""


def test_a_close_code_cut_short_is_an_error() -> None:
    with pytest.raises(FrameError, match="cut short") as error:
        read(client_frame(CLOSE, b"\x03"))
    assert error.value.close_code == PROTOCOL


def test_a_close_reason_that_is_not_utf8_is_an_error() -> None:
    assert refused(closing(1000, b"\xff")) == ([], UTF8)


def test_a_close_reason_fits_and_ends_with_a_whole_character() -> None:
    assert close_payload(1000, "a" * 123)[2:] == b"a" * 123
    assert close_payload(1000, "a" * 124)[2:] == b"a" * 123
    assert close_payload(1000, "a" * 121 + "€")[2:] == b"a" * 121
    assert close_payload(1000, "\ud800")[2:] == b"?"


def test_what_follows_a_close_is_dropped() -> None:
    reader = FrameReader(LIMIT)
    assert hear(reader, [closing(1000) + client_frame(3)]) == ([(CLOSE, b"\x03\xe8")], None)
    assert hear(reader, [client_frame(TEXT, b"a"), client_frame(3)]) == ([], None)


def test_a_close_ends_a_fragmented_message() -> None:
    stream = fragment(b"a", of=TEXT) + closing(1001) + client_frame(CONTINUATION)
    assert read(stream) == [(CLOSE, b"\x03\xe9")]


def test_what_follows_an_error_is_dropped() -> None:
    reader = FrameReader(LIMIT)
    assert hear(reader, [client_frame(3)]) == ([], PROTOCOL)
    assert hear(reader, [client_frame(TEXT, b"a"), client_frame(3)]) == ([], None)


# What a hostile client can make it cost.


def test_an_idle_reader_keeps_no_buffer() -> None:
    reader = FrameReader(LIMIT)
    stream = fragment(b"a", of=TEXT) + client_frame(CONTINUATION, b"b")
    hear(reader, [stream[:9], stream[9:]])
    assert kept_bytes(reader) == 0
    assert sys.getsizeof(reader) < 100


def test_endless_empty_fragments_cost_no_memory() -> None:
    reader = FrameReader(LIMIT)
    start, more = fragment(b"", of=TEXT), fragment(b"") * 50
    assert hear(reader, [start, *[more] * 20]) == ([], None)
    assert kept_bytes(reader) <= sys.getsizeof(bytearray())
    assert hear(reader, [more] * 200) == ([], TOO_BIG)


def test_fragments_of_one_byte_cost_the_limit_at_most() -> None:
    reader, limit = FrameReader(1000), 1000
    assert hear(reader, [fragment(b"a", of=TEXT), *[fragment(b"a")] * (limit - 1)]) == ([], None)
    assert kept_bytes(reader) < 1.2 * limit
    assert hear(reader, [fragment(b"a")]) == ([], TOO_BIG)


def test_a_long_message_may_be_in_more_fragments_and_the_next_counts_anew() -> None:
    reader, size = FrameReader(1_000_000), 16
    whole = [fragment(bytes(size), of=BINARY), *[fragment(bytes(size))] * 60_000]
    end = client_frame(CONTINUATION, b"")
    for _ in range(2):
        heard, error = hear(reader, [*whole, end])
        assert ([len(payload) for _, payload in heard], error) == ([size * 60_001], None)


def test_a_fragment_that_completes_nothing_is_there_to_be_counted() -> None:
    stream = fragment(b"a", of=TEXT) + fragment(b"") + client_frame(CONTINUATION, b"b")
    assert list(FrameReader(LIMIT).feed(stream)) == [(CONTINUATION, b"")] * 2 + [(TEXT, "ab")]


def test_what_a_frame_lacks_is_known_with_its_head() -> None:
    stream = client_frame(BINARY, bytes(500))
    reader = FrameReader(LIMIT)
    lacking = []
    for at in range(len(stream)):
        lacking.append(reader.missing)
        hear(reader, [stream[at : at + 1]])
    assert lacking[8:] == list(range(500, 0, -1))
    assert set(lacking[:4]) == {0}
    assert reader.missing == 0


def test_a_long_frame_in_tiny_chunks_is_whole() -> None:
    """Copying what is there for each chunk would move 30 GB."""
    size, step = 1 << 20, 16
    stream = client_frame(BINARY, bytes(size), key=bytes(4))
    reader = FrameReader(size)
    heard, error = hear(reader, (stream[i : i + step] for i in range(0, len(stream), step)))
    assert (heard, error) == ([(BINARY, bytes(size))], None)


def test_many_frames_in_one_chunk_are_all_heard() -> None:
    """Moving the rest of the chunk for each frame would move 20 GB."""
    frames = 50_000
    stream = client_frame(PING, b"a" * 10) * frames
    assert len(read(stream)) == frames


def test_no_random_stream_gets_more_than_a_frame_error() -> None:
    for seed in range(700):
        attack(seed)
