"""`10.0.0.5`, `10.0.0.5:9100-9199`, `[fd00::5]:9100`: where a host listens for the others."""

import re
from ipaddress import ip_address
from typing import NamedTuple

FORM = re.compile(
    r"(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[^:]+))(?::(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?)?"
)


class PrivateAddress(NamedTuple):
    """Each process takes one of the ports; 0 is any that is free."""

    host: str
    first_port: int = 0
    last_port: int = 0


def private_address(text: str) -> PrivateAddress:
    """Raises ValueError."""
    try:
        ip_address(text)
    except ValueError:
        found = FORM.fullmatch(text)
    else:
        return PrivateAddress(text)
    if found is None:
        raise ValueError(f"expected an IP address, with or without ports, not {text[:100]!r}")
    host = found["v6"] or found["v4"]
    first = int(found["first"] or 0)
    last = int(found["last"] or first)
    if not 0 <= first <= last <= 65_535:
        raise ValueError(f"expected ports up to 65535, the lower one first, not {text[:100]!r}")
    return PrivateAddress(str(ip_address(host)), first, last)
