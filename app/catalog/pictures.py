"""Pictures of products: small images, as a browser shows them."""

import hashlib
from base64 import b64decode
from typing import NamedTuple

MAX_PICTURE_BYTES = 131_072
MAX_PICTURE_CHARACTERS = 4 * -(-MAX_PICTURE_BYTES // 3)  # in base64
# No SVG: opened by its own URL it would be a page with scripts of this origin.
SIGNATURES = {  # how files of a type begin
    "image/png": (b"\x89PNG\r\n\x1a\n", b""),
    "image/jpeg": (b"\xff\xd8\xff", b""),
    "image/webp": (b"RIFF", b"WEBP"),  # the second from byte 8 on
}


class Picture(NamedTuple):
    content_type: str
    data: bytes

    @property
    def tag(self) -> str:
        """Names the content: another picture has another URL, and each may be cached for ever."""
        return hashlib.sha256(self.data).hexdigest()[:16]


def picture_of(text: str) -> Picture:
    """The picture from base64. Raises ValueError."""
    data = b64decode(text, validate=True)
    if len(data) > MAX_PICTURE_BYTES:
        raise ValueError(f"must have at most {MAX_PICTURE_BYTES} bytes")
    for content_type, (first, second) in SIGNATURES.items():
        if data.startswith(first) and data[8:].startswith(second):
            return Picture(content_type, data)
    raise ValueError("must be a PNG, JPEG or WebP image")
