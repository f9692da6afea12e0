"""WebSocket frames, RFC 6455 section 5, the server's side of them: bytes in, messages out, and the
other way. No I/O."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ordercast.transport.endings import CloseCode

if TYPE_CHECKING:
    from codecs import IncrementalDecoder

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

FIN = 0x80
MASK = 0x80
CONTROL = 0x08
OPCODES = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))

MAX_CONTROL_BYTES = 125
# A message may be in as many fragments as if each had 16 bytes, and some more.
FRAGMENT_BYTES, FEWEST_FRAGMENTS = 16, 1024
TWO_BYTE_LENGTH, EIGHT_BYTE_LENGTH = 126, 127

NO_CODE = 1005
# Section 7.4.1, with 1012 to 1014 as registered since with IANA.
PROTOCOL_CODES = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015)))
OTHER_CODES = range(3000, 5000)  # section 7.4.2: registered by libraries, or private

_utf8_decoder = getincrementaldecoder("utf-8")


class FrameError(Exception):
    """The stream cannot go on, RFC 6455 section 7.1.7. close_code: PROTOCOL_ERROR, INVALID_DATA or
    TOO_LARGE; str() is the reason."""

    def __init__(self, close_code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.close_code = close_code


class FrameReader:
    """Client frames to messages, RFC 6455 sections 5 and 8.1. An idle reader holds no buffer.

    max_message_bytes: of one message, over all its fragments. What a frame declares is checked
    against it before any of its payload is kept."""

    __slots__ = ("_fragments", "_max", "_message", "_opcode", "_over", "_rest", "_utf8")

    def __init__(self, max_message_bytes: int) -> None:
        self._max = max_message_bytes
        self._rest: bytearray | None = None  # the beginning of one frame
        self._message: bytearray | None = None  # the fragments so far; None outside of a message
        self._fragments = 0  # of that message
        self._opcode = CONTINUATION  # of that message
        self._utf8: IncrementalDecoder | None = None  # of that message, if it is text
        self._over = False

    def feed(self, data: bytes) -> Iterator[tuple[int, str | bytes]]:
        """The messages and control frames that `data` completes: (TEXT, str), (BINARY, bytes),
        (PING, bytes), (PONG, bytes), (CLOSE, bytes: empty, or a valid code and reason). And
        (CONTINUATION, b"") for each fragment that completes nothing.

        Raises FrameError after all that came before the error. Consume it wholly before the next
        feed. What follows a CLOSE (section 1.4) or an error (7.1.7) is dropped."""
        if self._over:
            return
        buffer: bytes | bytearray = data
        if self._rest is not None:
            self._rest += data
            buffer = self._rest
        at, size = 0, len(buffer)
        try:
            while size - at >= 2:
                first, start, end = self._head(buffer, at, size)
                if end > size or not end:
                    break
                payload = _unmasked(buffer[start - 4 : start], buffer[start:end])
                at = end
                if first & CONTROL:
                    opcode = first & 0x0F
                    if opcode == CLOSE:
                        _check_close(payload)
                        self.end()
                    yield opcode, payload
                    if self._over:
                        return
                elif first == FIN | TEXT:
                    yield TEXT, _text(payload)
                elif first == FIN | BINARY:
                    yield BINARY, payload
                else:
                    yield self._fragment(first, payload)
        except FrameError:
            self.end()
            raise
        if at == size:
            self._rest = None
        elif at or self._rest is None:
            self._rest = bytearray(buffer[at:])

    @property
    def missing(self) -> int:
        """Bytes that an incomplete frame still lacks; 0 while its length is not known."""
        if self._rest is None or len(self._rest) < 2:
            return 0
        _, _, end = self._head(self._rest, 0, len(self._rest))
        return max(0, end - len(self._rest))

    def _head(self, buffer: bytes | bytearray, at: int, size: int) -> tuple[int, int, int]:
        # (first byte, start of the payload, end of it); the end is 0 while the head is incomplete.
        first, length = buffer[at], buffer[at + 1]
        if first & 0x70:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "Reserved bit set")
        if first & 0x0F not in OPCODES:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "Unknown opcode")
        if not length & MASK:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "Frame not masked")
        length &= 0x7F
        if first & CONTROL:
            if not first & FIN:
                raise FrameError(CloseCode.PROTOCOL_ERROR, "Control frame fragmented")
            if length > MAX_CONTROL_BYTES:
                raise FrameError(CloseCode.PROTOCOL_ERROR, "Control frame too long")
            return first, at + 6, at + 6 + length
        if self._message is None:
            if not first & 0x0F:
                raise FrameError(CloseCode.PROTOCOL_ERROR, "Continuation of nothing")
            before = 0
        elif first & 0x0F:
            raise FrameError(CloseCode.PROTOCOL_ERROR, "New message within a fragmented one")
        else:
            before = len(self._message)
        start = at + 6
        if length >= TWO_BYTE_LENGTH:
            width, least = (2, 126) if length == TWO_BYTE_LENGTH else (8, 1 << 16)
            start += width
            if start - 4 > size:
                return first, start, 0
            length = int.from_bytes(buffer[at + 2 : start - 4], "big")
            if length < least:
                raise FrameError(CloseCode.PROTOCOL_ERROR, "Length not in its shortest form")
            if length >> 63:
                raise FrameError(CloseCode.PROTOCOL_ERROR, "Length over 63 bits")
        if before + length > self._max:
            raise FrameError(CloseCode.TOO_LARGE, f"Message over {self._max} bytes")
        return first, start, start + length

    def _fragment(self, first: int, payload: bytes) -> tuple[int, str | bytes]:
        if self._message is None:
            self._message, self._fragments = bytearray(), 0
            self._opcode = first & 0x0F
            self._utf8 = _utf8_decoder() if self._opcode == TEXT else None
        if self._utf8 is not None:
            try:
                # Decode only to fail early, and keep the bytes: one-byte fragments kept as strings
                # would take fifty times the limit.
                self._utf8.decode(payload, bool(first & FIN))
            except UnicodeDecodeError:
                raise FrameError(CloseCode.INVALID_DATA, "Text is not UTF-8") from None
        self._message += payload
        self._fragments += 1
        if self._fragments > FEWEST_FRAGMENTS + self._max // FRAGMENT_BYTES:
            raise FrameError(CloseCode.TOO_LARGE, "Message in too many fragments")
        if not first & FIN:
            return CONTINUATION, b""
        message, self._message, self._utf8 = self._message, None, None
        if self._opcode == TEXT:
            return TEXT, message.decode()
        return BINARY, bytes(message)

    def end(self) -> None:
        """Ignore all further data, and drop unfinished frames and messages."""
        self._over = True
        self._rest = self._message = self._utf8 = None


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame from the server, RFC 6455 section 5.2: FIN, unmasked, the length in its
    shortest form. ValueError for a control frame of over 125 bytes."""
    length = len(payload)
    if length <= 125:
        return bytes((FIN | opcode, length)) + payload
    if opcode & CONTROL:
        raise ValueError(f"a control frame of {length} bytes, at most {MAX_CONTROL_BYTES}")
    if length < 1 << 16:
        return bytes((FIN | opcode, TWO_BYTE_LENGTH)) + length.to_bytes(2, "big") + payload
    return bytes((FIN | opcode, EIGHT_BYTE_LENGTH)) + length.to_bytes(8, "big") + payload


def close_payload(code: int, reason: str = "") -> bytes:
    """The payload of a CLOSE, RFC 6455 section 5.5.1; the reason is cut, at a whole character, to
    what fits. 1005 stands for none and gives b"", so that close_payload(close_code(received)) is
    the answer to a CLOSE. ValueError for a code that may not be sent."""
    if code == NO_CODE:
        return b""
    if not _may_be_sent(code):
        raise ValueError(f"close code {code} may not be sent")
    # A reason that cannot be encoded must not keep a connection from being closed.
    text = reason.encode("utf-8", "replace")[: MAX_CONTROL_BYTES - 2]
    return code.to_bytes(2, "big") + text.decode("utf-8", "ignore").encode()


def close_code(payload: bytes) -> int:
    """The code in the payload of a CLOSE as feed() gives it; 1005 if there is none, RFC 6455
    section 7.1.5."""
    return int.from_bytes(payload[:2], "big") if payload else NO_CODE


def _unmasked(key: bytes | bytearray, payload: bytes | bytearray) -> bytes:
    size = len(payload)
    mask = (key * (size // 4 + 1))[:size]
    both = int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")
    return both.to_bytes(size, "little")


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise FrameError(CloseCode.INVALID_DATA, "Text is not UTF-8") from None


def _check_close(payload: bytes) -> None:
    if len(payload) == 1:
        raise FrameError(CloseCode.PROTOCOL_ERROR, "Close code cut short")
    if payload and not _may_be_sent(close_code(payload)):
        raise FrameError(CloseCode.PROTOCOL_ERROR, "Invalid close code")
    _text(payload[2:])


def _may_be_sent(code: int) -> bool:
    return code in PROTOCOL_CODES or code in OTHER_CODES
