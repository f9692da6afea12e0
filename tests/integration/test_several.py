"""One read for several clients finds what a read for each finds."""

import pytest
from flask import Flask

from app.db import db, transaction
from ordercast.journal import Wanted
from ordercast.journal.several import CONTENT_BYTES
from tests.harness.application import journal
from tests.harness.application.tabs import published

ROOMS = ("user:1", "user:2", "seller:1", "nobody:1")


@pytest.fixture
def filled(app: Flask) -> Flask:
    """Twelve events, every third of two rooms."""
    with transaction():
        for number in range(12):
            room, further = ROOMS[number % 3], ["user:1"] if number % 3 == 2 else []
            journal.of(app).append(db.session, room, "test", {"number": number}, further=further)
    published()
    return app


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_each_client_gets_what_a_read_of_its_own_would_give(filled: Flask, limit: int) -> None:
    wanted = [
        Wanted(after, until, rooms)
        for rooms in (["user:1"], ["user:1", "seller:1"], ["nobody:1"], [], [*ROOMS])
        for after, until in ((0, 12), (4, 9), (12, 12), (-3, 99))
    ]
    together = journal.of(filled).several(wanted, limit=limit)
    assert len(together) == len(wanted)
    for (after, until, rooms), found in zip(wanted, together, strict=True):
        assert found.head == journal.head()
        sizes = journal.of(filled).sizes(after, limit=limit, rooms=rooms, until=until)
        assert found.sizes == sizes
        alone = journal.since(after, limit=limit, rooms=rooms, until=until)
        assert found.entries == [one for one in alone if one.position <= found.read_until]
        if not sizes:
            assert found.read_until >= until


def test_the_content_of_one_read_is_bounded(app: Flask) -> None:
    half = "x" * (CONTENT_BYTES // 2)
    with transaction():
        for number in range(5):
            journal.append(f"user:{number}", "test", {"text": half})
    published()
    wanted = [Wanted(0, 5, [f"user:{number}"]) for number in range(5)]
    found = journal.of(app).several(wanted, limit=9)
    assert [[position for position, _ in one.sizes] for one in found] == [[1], [2], [3], [4], [5]]
    assert sum(len(entry.data) for one in found for entry in one.entries) <= CONTENT_BYTES
    for one in found:
        assert [entry.position for entry in one.entries] == [
            position for position, _ in one.sizes if position <= one.read_until
        ]
