"""The content coding of an answer: Accept-Encoding, RFC 9110 section 12.5.3."""

from __future__ import annotations

import re

WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")  # RFC 9110 section 12.4.2
GZIP = ("gzip", "x-gzip")  # section 8.4.1.3: two names of one coding


def prefers_gzip(accept_encoding: str) -> bool:
    """Whether gzip is acceptable, with no lower weight than no coding at all."""
    weights = _weights(accept_encoding)
    named = [weights[name] for name in GZIP if name in weights]
    weight = max(named) if named else weights.get("*", 0.0)
    return weight > 0 and weight >= weights.get("identity", 0.0)


def _weights(accept_encoding: str) -> dict[str, float]:
    """{coding: weight}; 0.0 for a malformed weight."""
    found: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, *parameters = (piece.strip(" \t") for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.rstrip(" \t") == "q":
                value = value.lstrip(" \t")
                weight = float(value) if WEIGHT.fullmatch(value) else 0.0
        if coding:
            found[coding] = weight
    return found
