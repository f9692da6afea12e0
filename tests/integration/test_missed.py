"""cast.missed(): what rooms got since an offset, for a team's own views."""

import pytest
from flask import Flask

from app.db import now, transaction
from app.extension import cast
from ordercast.journal import Missed
from tests.harness.application import journal


@pytest.fixture
def three(app: Flask) -> None:
    """An event of two rooms each, and one of neither."""
    with transaction():
        for room in ("user:1", "seller:2", "user:3"):
            journal.append(room, "notification", {"of": room})
    journal.sequence()


def offsets(missed: Missed) -> list[int]:
    return [entry.position for piece in missed.pieces() for entry in piece]


def test_the_rooms_get_theirs_in_order_and_the_offset_to_go_on_from(three: None) -> None:
    missed = cast.missed(("seller:2", "user:1"), after="0")
    assert missed.complete
    assert offsets(missed) == [1, 2]
    assert missed.offset == str(cast.head().position) == "3"
    assert offsets(cast.missed(("seller:2", "user:1"), after=1)) == [2]


def test_one_room_is_enough_and_a_view_can_answer_with_the_events(three: None) -> None:
    missed = cast.missed("seller:2", after="0")
    wanted = {"offset": "2", "name": "notification", "data": {"of": "seller:2"}}
    assert missed.events == [wanted]
    assert cast.missed("seller:2", after="9").events == []


def test_revocations_are_told_to_no_client_whatever_room_it_asks_for(app: Flask) -> None:
    cast.revoke(user="7")
    journal.sequence()
    assert cast.head().position == 1
    assert cast.missed(["control"], after=0).events == []


def test_nothing_new_is_complete_and_an_offset_beyond_the_head_is_not(three: None) -> None:
    for after, complete in ((3, True), (4, False)):
        missed = cast.missed(("user:1",), after=after)
        assert (missed.complete, len(missed)) == (complete, 0)


def test_an_offset_of_what_was_pruned_is_not_complete(three: None) -> None:
    journal.prune(now(), limit=2)
    missed = cast.missed(("user:1",), after=1)
    assert (missed.complete, offsets(missed)) == (False, [])
    assert cast.missed(("user:1",), after=2).complete


def test_an_offset_that_is_none_is_an_error(three: None) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        cast.missed(("user:1",), after="five")
