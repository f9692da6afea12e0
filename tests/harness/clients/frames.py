"""WebSocket frames as a client sends them, broken ones too (RFC 6455 section 5.2)."""

from collections.abc import Iterable
from itertools import cycle, pairwise

from ordercast.transport.frames import FrameError, FrameReader

Heard = list[tuple[int, str | bytes]]

FRAGMENT = (0, b"")  # that completes no message
KEY = bytes.fromhex("37fa213d")  # of the examples in section 5.7


def client_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    key: bytes | None = KEY,
    width: int | None = None,
    declared: int | None = None,
) -> bytes:
    """width: of the length, 0, 2 or 8 bytes more than its seven bits, by default the least that
    will do. declared: a length other than the payload's. key: None for a frame without a mask."""
    length = len(payload) if declared is None else declared
    if width is None:
        width = 0 if length < 126 else 2 if length < 1 << 16 else 8
    first = fin << 7 | rsv << 4 | opcode
    second = {0: length, 2: 126, 8: 127}[width] | (0 if key is None else 0x80)
    head = bytes((first, second)) + (length.to_bytes(width, "big") if width else b"")
    if key is None:
        return head + payload
    return head + key + bytes(a ^ b for a, b in zip(payload, cycle(key), strict=False))


def chunks(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The stream cut at these places; without cuts, one chunk."""
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(places)]


def hear(reader: FrameReader, stream: Iterable[bytes]) -> tuple[Heard, int | None]:
    """What the reader yields but fragments, and the close code of the error that ended it, if one
    did."""
    heard: Heard = []
    try:
        for chunk in stream:
            heard.extend(got for got in reader.feed(chunk) if got != FRAGMENT)
    except FrameError as error:
        return heard, error.close_code
    return heard, None
