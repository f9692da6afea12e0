"""Engine.IO packets (protocol 4), each encoded once for all its recipients."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable

from app.transport.frames import BINARY, TEXT, frame

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
SEPARATOR = "\x1e"  # between the packets of one long-polling payload


class MalformedPacket(ValueError):
    """What the client sent is no packet; its session is closed."""


class Packet:
    """`data` is what follows on a WebSocket: a text with its type in front, or the bytes of a
    binary message."""

    __slots__ = ("_frame", "data")

    def __init__(self, data: str | bytes) -> None:
        self.data = data
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The WebSocket frame, the same bytes for every recipient."""
        if self._frame is None:
            if isinstance(self.data, str):
                self._frame = frame(TEXT, self.data.encode())
            else:
                self._frame = frame(BINARY, self.data)
        return self._frame

    def __len__(self) -> int:
        """Bytes, near enough to bound what waits."""
        return len(self.data)


CLOSED, PINGED, NOTHING = Packet(CLOSE), Packet(PING), Packet(NOOP)
PROBED = Packet(PONG + "probe")


def message(data: str | bytes) -> Packet:
    """A message packet for the text or the bytes."""
    return Packet(MESSAGE + data if isinstance(data, str) else data)


def payload(packets: Iterable[Packet]) -> bytes:
    """A long-polling payload: binary messages in base64 behind a `b`."""
    return SEPARATOR.join(
        packet.data if isinstance(packet.data, str) else "b" + b64encode(packet.data).decode()
        for packet in packets
    ).encode()


def packets(body: bytes) -> list[str | bytes]:
    """The packets of a long-polling payload, binary messages as bytes. Raises MalformedPacket."""
    try:
        texts = body.decode().split(SEPARATOR)
        return [
            b64decode(text[1:], validate=True) if text.startswith("b") else text for text in texts
        ]
    except (UnicodeDecodeError, binascii.Error) as exc:
        raise MalformedPacket(f"not a payload: {exc}") from exc
