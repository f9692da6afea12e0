"""Where the demo's accounts may be made."""

import pytest

from app.demo import is_elsewhere


@pytest.mark.parametrize(
    ("address", "elsewhere"),
    [
        ("", False),  # a Unix socket
        ("127.0.0.1", False),
        ("127.0.1.1", False),
        ("::1", False),
        ("10.0.0.7", True),
        ("192.0.2.2", True),
        ("2001:db8::7", True),
        ("fe80::1%eth0", True),
    ],
)
def test_a_server_past_the_loopback_is_another_machines(address: str, elsewhere: bool) -> None:
    assert is_elsewhere(address) == elsewhere
