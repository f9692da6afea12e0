"""Engine.IO packets (protocol 4), each encoded once for all its recipients."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable

from ordercast.transport.endings import TransportEnding
from ordercast.transport.frames import BINARY, TEXT, frame

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
SEPARATOR = "\x1e"  # between the packets of one long-polling payload


class MalformedPacket(ValueError):
    """The client sent data that is no packet; its session ends."""

    ending = TransportEnding.MALFORMED


class TooLarge(MalformedPacket):
    """A message that is over the limit with its attachments."""

    ending = TransportEnding.TOO_LARGE


class Packet:
    """`data` is the content of a WebSocket message: a text with its type in front, or the bytes of
    a binary message."""

    __slots__ = ("data", "frame")
    packet_type = 4  # python-engineio's number for a message

    def __init__(self, data: str | bytes) -> None:
        self.data = data
        # The WebSocket frame, the same bytes for every recipient.
        self.frame = frame(TEXT, data.encode()) if isinstance(data, str) else frame(BINARY, data)

    def __len__(self) -> int:
        """The size in bytes, near enough to limit a backlog."""
        return len(self.data)

    def encode(self, b64: bool = False) -> str | bytes:
        """Encode as python-engineio's own packets do: its server sends these under `flask run`."""
        return (
            "b" + b64encode(self.data).decode()
            if b64 and isinstance(self.data, bytes)
            else self.data
        )


CLOSED, PINGED, NOTHING = Packet(CLOSE), Packet(PING), Packet(NOOP)
PROBED = Packet(PONG + "probe")


def message(data: str | bytes) -> Packet:
    """A message packet for the text or the bytes."""
    return Packet(MESSAGE + data if isinstance(data, str) else data)


def payload(packets: Iterable[Packet]) -> bytes:
    """A long-polling payload: binary messages in base64 behind a `b`."""
    return SEPARATOR.join(str(packet.encode(b64=True)) for packet in packets).encode()


def packets(body: bytes) -> list[str | bytes]:
    """The packets of a long-polling payload, binary messages as bytes. Raises MalformedPacket."""
    try:
        texts = body.decode().split(SEPARATOR)
        return [
            b64decode(text[1:], validate=True) if text.startswith("b") else text for text in texts
        ]
    except ValueError as exc:  # not UTF-8, or not base64
        raise MalformedPacket(f"not a payload: {exc}") from exc
