"""The password of a URL is never shown, whatever stands around it."""

import logging

import pytest

from app.logs import JsonFormatter
from ordercast.redaction import redacted

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:hunter2@host:6379/0", "redis://:***@host:6379/0"),
        ("rediss://me:hunter2@host", "rediss://me:***@host"),
        ("redis://me:hunter2/@x@host/0", "redis://me:***@host/0"),
        (
            "redis+sentinel://:hunter2@a:1,b:2/0/main?sentinel_username=me&sentinel_password=hunter2",
            "redis+sentinel://:***@a:1,b:2/0/main?sentinel_username=me&sentinel_password=***",
        ),
        ("postgresql+psycopg://me:hunter2@db/x", "postgresql+psycopg://me:***@db/x"),
        ("postgresql://db/x?user=me&password=hunter2", "postgresql://db/x?user=me&password=***"),
        (
            "cannot reach 'redis://:hunter2@host': refused",
            "cannot reach 'redis://:***@host': refused",
        ),
    ],
)
def test_a_password_in_a_url_is_hidden(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text", ["https://shop.example.com:443/a", "me: you@host", "redis://host:6379/0 by me@host", ""]
)
def test_anything_else_is_shown_as_it_is(text: str) -> None:
    assert redacted(text) == text


def test_no_line_of_the_log_shows_one() -> None:
    record = logging.makeLogRecord(
        {
            "msg": "no answer from %s",
            "args": (f"redis://:{SECRET}@host",),
            "url": f"a://b:{SECRET}@c",
        }
    )
    line = JsonFormatter().format(record)
    assert SECRET not in line
    assert "redis://:***@host" in line
