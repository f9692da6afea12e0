"""Hostile streams for the frame reader, each from its own seed.

    python -m tests.fuzz.frames [seconds]

Only FrameError may come out, the same however the stream was cut into chunks, and what the reader
keeps is bounded by the message limit."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from time import monotonic

from ordercast.transport.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, FrameReader
from tests.harness.clients.frames import chunks, client_frame, hear

LIMIT = 300
# A message at the limit, one control frame short of its last byte, and the eighth that a bytearray
# takes ahead; two empty ones are 114.
MAX_KEPT_BYTES = (LIMIT + 131) * 9 // 8 + 130


def attack(seed: int) -> None:
    """One stream, by the seed. Raises what the reader should not."""
    random = Random(seed)
    stream = b"".join(_piece(random) for _ in range(random.randint(1, 8)))
    for _ in range(random.choice((0, 0, 1, 3))):
        stream = _mutated(random, stream)
    whole = hear(FrameReader(LIMIT), [stream])
    reader = FrameReader(LIMIT)
    assert hear(_Watched(reader), _cut(random, stream)) == whole, "the cuts make a difference"
    heard, error = whole
    for opcode, payload in heard:
        assert isinstance(payload, str if opcode == TEXT else bytes)
        assert len(payload.encode() if isinstance(payload, str) else payload) <= LIMIT
    if error is not None or (heard and heard[-1][0] == CLOSE):
        assert list(reader.feed(stream)) == [], "it goes on after the end"
        assert kept_bytes(reader) == 0


def kept_bytes(reader: FrameReader) -> int:
    """The memory of the buffers, as allocated."""
    return sum(sys.getsizeof(kept) for kept in (reader._rest, reader._message) if kept is not None)


class _Watched(FrameReader):
    def __init__(self, reader: FrameReader) -> None:
        self._reader = reader

    def feed(self, data: bytes) -> Iterator[tuple[int, str | bytes]]:
        yield from self._reader.feed(data)
        assert kept_bytes(self._reader) <= MAX_KEPT_BYTES


def _piece(random: Random) -> bytes:
    if random.random() < 0.1:
        return random.randbytes(random.randint(1, 40))
    opcode = random.choice((CONTINUATION, TEXT, TEXT, BINARY, PING, PONG, random.randrange(16)))
    if random.random() < 0.05:
        opcode = CLOSE
    size = random.choice((0, 1, 2, 20, 125, 126, LIMIT, random.randint(0, LIMIT + 1)))
    if opcode >= CLOSE:
        size = min(size, random.choice((125, 125, 125, 126)))
    payload = random.choice((random.randbytes(size), b"a" * size, ("é€😀" * size).encode()[:size]))
    if opcode == CLOSE and random.random() < 0.8:
        payload = random.randint(990, 5010).to_bytes(2, "big") + payload[:100]
    odd = random.random() < 0.03
    return client_frame(
        opcode,
        payload,
        fin=opcode >= CLOSE or random.random() < 0.6,
        rsv=random.randrange(8) if odd else 0,
        key=None if random.random() < 0.01 else random.randbytes(4),
        width=8 if odd else None,
        declared=random.getrandbits(random.choice((8, 16, 64))) if odd else None,
    )


def _mutated(random: Random, stream: bytes) -> bytes:
    at = random.randint(0, len(stream))
    upto = min(len(stream), at + random.randint(1, 8))
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: random.randbytes(upto - at),
        lambda: b"",
        lambda: stream[at:upto] * random.randint(2, 9),
        lambda: bytes(byte ^ 1 << random.randrange(8) for byte in stream[at:upto]),
    )
    return stream[:at] + random.choice(changes)() + stream[upto:]


def _cut(random: Random, stream: bytes) -> list[bytes]:
    if random.random() < 0.2:
        return [stream[i : i + 1] for i in range(len(stream))]
    return chunks(stream, [random.randint(0, len(stream)) for _ in range(random.randint(0, 9))])


def main(seconds: float = 10) -> None:
    """Streams from a seed of the clock's, until the time is over; a failure names its seed."""
    until, first = monotonic() + seconds, Random().getrandbits(32)
    for seed in count(first):
        try:
            attack(seed)
        except Exception:
            print(f"again: tests.fuzz.frames.attack({seed})", file=sys.stderr)
            raise
        if monotonic() > until:
            print(f"{seed - first + 1} streams, none got through")
            return


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
