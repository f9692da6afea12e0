"""GET /api/events: what the caller's rooms got since an offset, whole or said to be incomplete."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from app.accounts.tokens import Identity
from app.config import Settings
from app.db import MAX_ROW_ID, db, now, transaction
from app.extension import cast
from app.http.in_flight import InFlight
from app.metrics import ANSWER_BYTES, ANSWERS_REFUSED
from ordercast.journal import Pruned
from tests.harness.application import journal
from tests.harness.application.journal import sequence_once
from tests.harness.application.market import Caller, Market, error, good
from tests.harness.faults.races import right_after

MAX_ANSWER_EVENTS = 5  # events in one answer, of these tests
HEAD = "FROM ordercast_head"
SECOND = 2  # reading of the head: the first one is for X-Event-Offset
THIRD = 3  # whether something was pruned since


@pytest.fixture
def settings(settings: Settings) -> Settings:
    limits = {"RECOVERY_MAX_EVENTS": MAX_ANSWER_EVENTS, "RECOVERY_MAX_BYTES": 2_000_000}
    return settings.model_copy(update=limits)


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


def events(caller: Caller, after: object) -> Any:
    return good(caller.get("/api/events", after=after))


def notify(market: Market, caller: Caller, count: int) -> None:
    """So many notifications for somebody, sequenced."""
    for number in range(count):
        body = {"userId": caller.id, "title": f"No. {number}", "message": "Hello", "type": "info"}
        good(market.admin.post("/api/notifications", body), 201)
    market.sequence()


def prune(market: Market) -> None:
    """Everything that has a position goes."""
    with market.app.app_context():
        journal.prune(now() + timedelta(days=1))


def test_an_empty_journal_is_complete(market: Market) -> None:
    assert events(market.alice, 0) == {"events": [], "offset": "0", "complete": True}


def test_everybody_gets_what_their_rooms_got_in_order(market: Market) -> None:
    tea = market.product(stock=3, lowStockThreshold=2)
    placed = market.order(tea)
    confirmed = good(market.bob.move(placed, "confirmed"))
    head = market.sequence()
    status = {"id": placed["id"], "orderNumber": placed["orderNumber"], "status": "confirmed"}
    low = {"id": tea["id"], "name": "Tea", "stock": 2}

    customer, seller = events(market.alice, 0), events(market.bob, 0)

    assert [(event["name"], event["data"]) for event in customer["events"]] == [
        ("order:placed", placed),
        ("order:status", status),
    ]
    assert [(event["name"], event["data"]) for event in seller["events"]] == [
        ("inventory:low-stock", low),
        ("order:new", placed),
        ("order:new", confirmed),
    ]
    offsets = [[int(event["offset"]) for event in heard["events"]] for heard in (customer, seller)]
    assert offsets == [sorted(positions) for positions in offsets]
    assert sorted(offsets[0] + offsets[1]) == [1, 2, 3, 4, 5]
    for answer in (customer, seller):
        assert set(answer["events"][0]) == {"offset", "name", "data"}
        assert (answer["offset"], answer["complete"]) == (str(head), True)


@pytest.mark.parametrize("name", ["charlie", "dora", "admin"])
def test_strangers_and_admins_get_nothing_of_others(market: Market, name: str) -> None:
    market.order(market.product())
    head = market.sequence()
    answer = events(getattr(market, name), 0)
    assert answer == {"events": [], "offset": str(head), "complete": True}


def test_the_orders_to_the_processes_are_for_no_client(app: Flask, market: Market) -> None:
    with app.app_context():
        cast.revoke(token="somebody's")
    assert market.sequence() == 1
    for caller in (market.alice, market.bob, market.admin):
        assert events(caller, 0)["events"] == []


def test_only_what_came_after_the_offset_is_told(market: Market) -> None:
    notify(market, market.alice, 3)
    assert [event["offset"] for event in events(market.alice, 1)["events"]] == ["2", "3"]
    assert events(market.alice, 3) == {"events": [], "offset": "3", "complete": True}


def test_an_event_without_a_position_waits_for_it(market: Market) -> None:
    market.order(market.product())
    assert events(market.bob, 0) == {"events": [], "offset": "0", "complete": True}
    market.sequence()
    assert len(events(market.bob, 0)["events"]) == 1


def test_the_offset_continues_without_a_gap_or_a_repeat(market: Market) -> None:
    told, after = [], "0"
    for count in (2, 0, 3, 1):
        notify(market, market.alice, count)
        answer = events(market.alice, after)
        told += [event["offset"] for event in answer["events"]]
        after = answer["offset"]
    assert told == ["1", "2", "3", "4", "5", "6"]


def test_as_many_as_allowed_are_told_and_one_more_is_not_a_part_of_them(market: Market) -> None:
    notify(market, market.alice, MAX_ANSWER_EVENTS)
    assert len(events(market.alice, 0)["events"]) == MAX_ANSWER_EVENTS
    notify(market, market.alice, 1)
    assert events(market.alice, 0) == {
        "events": [],
        "offset": str(MAX_ANSWER_EVENTS + 1),
        "complete": False,
    }
    assert len(events(market.alice, 1)["events"]) == MAX_ANSWER_EVENTS


def test_what_others_got_does_not_count(market: Market) -> None:
    notify(market, market.charlie, MAX_ANSWER_EVENTS + 1)
    notify(market, market.alice, 1)
    answer = events(market.alice, 0)
    assert (len(answer["events"]), answer["complete"]) == (1, True)


def test_what_was_pruned_makes_the_answer_incomplete(market: Market) -> None:
    notify(market, market.alice, 2)
    prune(market)
    notify(market, market.alice, 1)

    for after in (0, 1):
        assert events(market.alice, after) == {"events": [], "offset": "3", "complete": False}
    answer = events(market.alice, 2)
    assert ([event["offset"] for event in answer["events"]], answer["complete"]) == (["3"], True)


@pytest.mark.parametrize("after", [3, MAX_ROW_ID])
def test_an_offset_of_the_future_is_of_another_journal(market: Market, after: int) -> None:
    notify(market, market.alice, 2)
    assert events(market.alice, after) == {"events": [], "offset": "2", "complete": False}


@pytest.mark.parametrize(
    "after", ["", "-1", "1.5", "one", "1e3", "NaN", str(MAX_ROW_ID + 1), "9" * 99]
)
def test_an_offset_that_is_none_gets_422(market: Market, after: str) -> None:
    refused = market.alice.get("/api/events", after=after)
    assert error(refused) == (422, "validation_error")


def test_an_offset_is_needed(market: Market) -> None:
    assert error(market.alice.get("/api/events")) == (422, "validation_error")


def test_what_is_pruned_while_it_is_read_is_not_a_part_told_as_the_whole(market: Market) -> None:
    # The race: the head says that everything is there, and the worker prunes before it is read.
    notify(market, market.alice, 2)
    with market.app.app_context():
        engine = db.engine

    with right_after(engine, HEAD, lambda: prune(market), nth=SECOND):
        answer = events(market.alice, 0)

    assert len(answer["events"]) == (2 if answer["complete"] else 0)


def test_what_is_sequenced_while_it_is_read_belongs_to_the_next_call(market: Market) -> None:
    # The race: an event behind the head that was read would be told now and again with the offset.
    notify(market, market.alice, 1)
    with market.app.app_context():
        engine = db.engine

    with right_after(engine, HEAD, lambda: notify(market, market.alice, 1), nth=SECOND):
        first = events(market.alice, 0)
    second = events(market.alice, first["offset"])

    told = [event["offset"] for event in [*first["events"], *second["events"]]]
    assert told == ["1", "2"]


def large(caller: Caller, count: int, characters: int, letter: str = "x") -> None:
    """So many events of so many characters for somebody, sequenced."""
    with transaction():
        for number in range(count):
            journal.append(f"user:{caller.id}", "test", {"n": number, "x": letter * characters})
    while sequence_once(lambda message: None):
        continue


def test_over_the_bytes_it_is_not_a_part_either(market: Market) -> None:
    with market.app.app_context():
        large(market.alice, 3, 700_000)  # RECOVERY_MAX_BYTES of these tests: 2,000,000
        assert events(market.alice, 0) == {"events": [], "offset": "3", "complete": False}
        assert [event["offset"] for event in events(market.alice, 1)["events"]] == ["2", "3"]


@pytest.mark.parametrize("letter", ["x", "\u8336", '"', "\U0001f375"])
def test_an_answer_of_many_pieces_is_one_document(market: Market, letter: str) -> None:
    with market.app.app_context():
        large(market.alice, MAX_ANSWER_EVENTS, 90_000, letter)
        answer = market.alice.get("/api/events", after=0)
        assert answer.headers["X-Event-Offset"] == str(MAX_ANSWER_EVENTS)
        found = good(answer)
    assert [event["data"] for event in found["events"]] == [
        {"n": number, "x": letter * 90_000} for number in range(MAX_ANSWER_EVENTS)
    ]
    assert (found["offset"], found["complete"]) == (str(MAX_ANSWER_EVENTS), True)


def test_what_is_pruned_in_the_middle_breaks_the_answer_off(market: Market) -> None:
    """The race: the first piece is sent, then the worker prunes: what follows would lack events."""
    with market.app.app_context():
        large(market.alice, 3, 200_000)
        client = market.app.test_client()
        answer = client.get(
            "/api/events?after=0", headers={"Authorization": f"Bearer {market.alice.token}"}
        )
        pieces = answer.iter_encoded()
        assert next(pieces).startswith(b'{"events":[{"offset":"1"')
        prune(market)
        with pytest.raises(Pruned):
            list(pieces)
        answer.close()


def test_what_is_pruned_before_the_first_piece_is_an_answer_that_is_not_complete(
    market: Market,
) -> None:
    # The race: the events are measured, then the worker prunes, then the first piece is read.
    with market.app.app_context():
        large(market.alice, 3, 200_000)
        engine = db.engine

    with right_after(engine, HEAD, partial(prune, market), nth=THIRD):
        answer = good(market.alice.get("/api/events", after=0))
    assert answer == {"events": [], "offset": "3", "complete": False}


def test_answers_that_a_caller_does_not_read_are_bounded_and_the_next_is_told_to_wait(
    market: Market,
) -> None:
    with market.app.app_context():
        answers = InFlight(20_000_000)  # a quarter of it: COPIES of two pieces of 600 KB
        market.app.extensions["answers"] = answers
        large(market.alice, 3, 600_000)
        headers = {"Authorization": f"Bearer {market.alice.token}"}
        target = "/api/events?after=0"
        unread = [market.app.test_client().get(target, headers=headers) for _ in range(2)]
        refused = ANSWERS_REFUSED._value.get()
        full = market.app.test_client().get(target, headers=headers)
        assert error(full) == (503, "too_many_answers")
        assert full.headers["Retry-After"] == "2"
        assert ANSWERS_REFUSED._value.get() == refused + 1
        others = answers.reserve(600_000, market.charlie.id)
        assert others is not None, "they have the rest"
        others()
        unread.pop().close()
        assert len(events(market.alice, 0)["events"]) == 3
        unread.pop().close()
        assert ANSWER_BYTES._value.get() == 0


def test_answers_of_many_callers_are_bounded_together(market: Market) -> None:
    answers = InFlight(2_000_000)
    with market.app.app_context():
        market.app.extensions["answers"] = answers
        large(market.alice, 3, 200_000)
        begun = [answers.reserve(200_000, name) for name in ("bob", "charlie")]
        assert answers.reserve(200_000, "dora") is None
        assert error(market.alice.get("/api/events", after=0)) == (503, "too_many_answers")
        for release in begun:
            assert release is not None
            release()
            release()  # again is harmless
        assert len(events(market.alice, 0)["events"]) == 3
        assert ANSWER_BYTES._value.get() == 0
        assert not answers._bytes_of
