"""CORS_ORIGINS: a list of exact origins."""

import pytest

from tests.harness.application.settings import complaint, setting


def test_origins_are_a_list_with_spaces_and_slashes_trimmed() -> None:
    given = " https://Shop.example.com/ ,http://localhost:5173,, http://[::1]:3000,"
    assert setting("CORS_ORIGINS", given) == (
        "https://shop.example.com",
        "http://localhost:5173",
        "http://[::1]:3000",
    )


@pytest.mark.parametrize("text", ["*", "https://a.example,*", "https://*.example.com"])
def test_a_star_is_refused_as_an_origin_because_credentials_are_allowed(text: str) -> None:
    assert "CORS_ORIGINS is wrong: '*' is refused" in complaint(CORS_ORIGINS=text)


@pytest.mark.parametrize(
    "text",
    [
        "shop.example.com",
        "null",
        "ftp://shop.example.com",
        "https://",
        "https://shop.example.com/path",
        "https://shop.example.com?",
        "https://shop.example.com#top",
        "https://me:secret@shop.example.com",
        "https://shop.example.com:",
        "https://shop.example.com:http",
        "https://shop example.com",
        "https://shop.(com|org)",
        "https://[::1",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    assert "CORS_ORIGINS is wrong: an origin is scheme://host[:port]" in complaint(
        CORS_ORIGINS=text
    )
