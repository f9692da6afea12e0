"""Input that nobody sends by accident, and what every answer to it must look like."""

import json
from collections.abc import Iterator
from typing import Any

from werkzeug.test import TestResponse

from tests.harness.application.market import error

Place = tuple[str | int, ...]
HOLE = "a hole in the body"

# JSON as text: not everything here is a value in Python.
FRAGMENTS = (
    *("null", "true", "false", "0", "-0", "-1", "1", "0.0", "1.0", "1.5", "-1e-9", "1e999", "1E5"),
    *("NaN", "Infinity", "-Infinity", "nan", "01", "+1", "0x1", "1_000", "1n", "undefined", "'x'"),
    *(str(2**31), str(2**53), str(2**63 - 1), str(2**63), str(-(2**63) - 1), "9" * 400, "9" * 9000),
    *('""', '" "', '"1"', '"-1"', '"01"', '"NaN"', '"\\u0661"'),
    *('"\\u0000"', '"a\\u0000b"', '"\x00"', '"\\ud800"', '"\\udfff"', '"\\ud83d\\ude00"'),
    *('"\\r\\n"', '"\\u2028"', '"\\u202e"', '"\\ufeff"', '"\\uffff"', '"\\x41"', '"unended'),
    *(
        '"e\\u0301"',
        '"\\u0130"',
        '"%00"',
        '"%s"',
        '"\'; DROP TABLE ordercast_events; --"',
        '"../../x"',
    ),
    *('"admin"', '"a@b.c"', '"EUR\\n"', '"\\uff25UR"'),
    f'"{"x" * 100_000}"',
    '"' + "\\u0130" * 250 + '@b.c"',
    *("[]", "[null]", "[[]]", "[1]", '["1"]', "{}", '{"": 1}', '{"$ne": null}', '{"a": {"a": {}}}'),
    "[" * 10_000 + "]" * 10_000,
    '{"a":' * 10_000 + "1" + "}" * 10_000,
)

# Whole bodies, as bytes.
BODIES = (
    *(b"", b" ", b"null", b"true", b"1", b'"x"', b"[]", b"[{}]", b"{}", b"{", b"}", b"{]", b"{,}"),
    *(b'{"a"}', b'{"a":}', b"{'a': 1}", b'{"a": 1} {"a": 1}', b"[{}, {}]", b"NaN", b"{}\x00"),
    *(b"\xff", b'{"\xff": 1}', b'{"name": "\xff\xfe"}', b'{"name": "\xed\xa0\x80"}', b"\xc0\x80"),
    *(b"\xef\xbb\xbf{}", "{}".encode("utf-16"), "{}".encode("utf-32"), b"\x1f\x8b\x08\x00", b"a=1"),
    *(b'{"\\ud800": 1}', b'{"": ""}', b'{"__class__": 1}', b'{"__proto__": {"role": "admin"}}'),
    b"[" * 10_000 + b"]" * 10_000,
    b"[" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"' + b"k" * 100_000 + b'": 1}',
    b"{" + b",".join(b'"%d": 1' % number for number in range(10_000)) + b"}",
    b"[" + b"{}," * 50_000 + b"{}]",
)

CONTENT_TYPES = (
    *("", " ", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "*/*"),
    *("application/json; charset=utf-16", "application/json; charset=none", "application/json;;=;"),
    *("application/problem+json", "APPLICATION/JSON", "application/json, text/plain", "json"),
    *("multipart/form-data; boundary=", "application/jsonp", "\xff\xfe", "a" * 5000),
)

SEGMENTS = (  # of a path, percent-encoded
    *("%00", "1%00", "%0a", "1%0d%0a", "%20", "%2e%2e", "%2e%2e%2f", "%2f", "1%2f", "%5c", "%25"),
    *("%ff", "%c0%80", "%ed%a0%80", "%f0%9f%98%80", "%d9%a1", "%ef%bc%91", "%", "%g1", "%u0031"),
    *("0", "-0", "-1", "+1", "1.0", "1e3", "01", "0x1", "1_0", "1;a", "1,2", "[1]", "{order_id}"),
    *("null", "NaN", "true", "..", ".", "~", "*", "'", "1'--", "%s", "1?", "1%3f", "1%23"),
    *(str(2**31), str(2**63 - 1), str(2**63), str(2**64), "9" * 19, "9" * 5000, "a" * 20_000),
)

TOKENS = (
    *(
        "",
        " ",
        "Bearer",
        "Bearer ",
        "bearer  ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ..",
        "Basic Og==",
    ),
    *(
        "Bearer null",
        "Bearer \xff\xfe",
        "Bearer a b c",
        "Digest",
        "Bearer\tx",
        "Bearer " + "a" * 9000,
    ),
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",  # {"alg": "none"}
    "Bearer eyJhbGciOlsiSFMyNTYiXX0.e30.x",  # {"alg": ["HS256"]}
    "Bearer eyJhbGciOm51bGx9.e30.x",  # {"alg": null}
    "Bearer W10.W10.W10",  # [].[].[]
    "Bearer " + "." * 8000,
)


def places(body: Any, at: Place = ()) -> Iterator[Place]:
    """Where something is inside a body, itself excluded."""
    inside = body.items() if isinstance(body, dict) else enumerate(body)
    for name, value in inside:
        yield (*at, name)
        if isinstance(value, dict | list):
            yield from places(value, (*at, name))


def changed(body: Any, at: Place, *, fragment: str) -> bytes:
    """The body as JSON with this text at one place."""
    copy = json.loads(json.dumps(body))
    inner = copy
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = HOLE
    return json.dumps(copy).replace(f'"{HOLE}"', fragment).encode(errors="surrogatepass")


def without(body: Any, at: Place) -> bytes:
    """The body as JSON with one thing left out."""
    copy = json.loads(json.dumps(body))
    inner = copy
    for name in at[:-1]:
        inner = inner[name]
    del inner[at[-1]]
    return json.dumps(copy).encode()


def assert_answered(response: TestResponse, what: object) -> int:
    """Fine, or the caller's fault and said so in the envelope; never ours -> the status."""
    status = response.status_code
    assert 200 <= status < 300 or 400 <= status < 500, f"{str(what)[:500]} -> {response.text[:500]}"
    if status >= 400 and response.request.method != "HEAD":
        assert error(response)[1], what
    return status
