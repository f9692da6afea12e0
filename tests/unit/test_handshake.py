"""The opening handshake, RFC 6455 section 4.2."""

import pytest

from ordercast.transport.handshake import BadHandshake, answer

GOOD = {  # section 1.3
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
}


def test_the_key_of_the_rfc_is_answered_as_there() -> None:
    head, end = answer(GOOD).split(b"\r\n\r\n")
    assert end == b""
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"HTTP_UPGRADE": "WebSocket"},
        {"HTTP_CONNECTION": "keep-alive, Upgrade"},
        {"HTTP_SEC_WEBSOCKET_KEY": " dGhlIHNhbXBsZSBub25jZQ== "},
    ],
)
def test_what_a_client_may_write_otherwise_is_the_same(change: dict[str, str]) -> None:
    assert answer({**GOOD, **change}) == answer(GOOD)


@pytest.mark.parametrize("missing", GOOD)
def test_each_field_is_needed(missing: str) -> None:
    with pytest.raises(BadHandshake):
        answer({name: value for name, value in GOOD.items() if name != missing})


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("HTTP_UPGRADE", "h2c", "Upgrade is not websocket"),
        ("HTTP_CONNECTION", "close", "Connection is not upgrade"),
        ("HTTP_SEC_WEBSOCKET_VERSION", "8", "Version is not 13"),
        ("HTTP_SEC_WEBSOCKET_KEY", "%%%", "not base64"),
        ("HTTP_SEC_WEBSOCKET_KEY", "\xe9" * 24, "not base64"),
        ("HTTP_SEC_WEBSOCKET_KEY", "dGhl", "3 bytes, not 16"),
    ],
)
def test_what_is_wrong_is_said(field: str, value: str, why: str) -> None:
    with pytest.raises(BadHandshake, match=why):
        answer({**GOOD, field: value})
