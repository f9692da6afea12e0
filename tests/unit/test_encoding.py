"""Accept-Encoding by RFC 9110 section 12.5.3."""

import pytest

from ordercast.transport.encoding import prefers_gzip


@pytest.mark.parametrize(
    "header",
    [
        "gzip",
        "GZIP",
        "x-gzip",
        "gzip, deflate, br",
        "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "*",
        "*;q=0.5",
        "gzip;q=0.001",
        "gzip ; q=1.000",
        "gzip;\tQ=1",
        "identity;q=0.5, gzip;q=0.5",
        "gzip;q=0, x-gzip",
        ", gzip,,",
        "*;q=0, gzip",
    ],
)
def test_gzip_is_welcome(header: str) -> None:
    assert prefers_gzip(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        ",",
        "identity",
        "deflate, br",
        "gzip;q=0",
        "GZIP;Q=0",
        "gzip; q=0.0",
        "gzip ;q = 0.000",
        "x-gzip;q=0",
        "*;q=0",
        "gzip;q=0, *",
        "deflate, *;q=0",
        "identity, gzip;q=0.5",
        "gzipped",
        "not-gzip",
        "gzip;q=NaN",
        "gzip;q=-1",
        "gzip;q=2",
        "gzip;q=1e-3",
        "gzip;q=",
        "gzip;q=0;q=0",
    ],
)
def test_gzip_is_not_welcome(header: str) -> None:
    assert not prefers_gzip(header)
