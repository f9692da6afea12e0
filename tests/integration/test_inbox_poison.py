"""What the inbox cannot accept is set aside with its reason, and never blocks the rest."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.config import Settings
from app.db import db
from ordercast.inbox.drain import FIELDS_KEPT
from ordercast.journal.tables import entries_table
from ordercast.metrics import INBOX_REFUSED
from tests.harness.application.mailbox import BATCH, Mailbox, journalled
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer) -> Settings:
    return Settings.of(DATABASE_URL=database_url, REDIS_URL=own_redis.url, JWT_SECRET_KEY=SECRET)


@pytest.fixture
def mailbox(own_redis: RedisServer, app: Flask) -> Iterator[Mailbox]:
    mailbox = Mailbox(own_redis.url)
    yield mailbox
    mailbox.redis.close()


def added(box: Mailbox, fields: dict[Any, Any]) -> bytes:
    return cast(bytes, box.redis.xadd(box.broker.inbox, fields))


POISON: dict[str, Callable[[Mailbox], bytes]] = {
    "unknown event": lambda box: box.add("x", event="order:gone"),
    "bad JSON": lambda box: box.add("x", data=b"{"),
    "wrong payload": lambda box: box.add("x", data=b'{"title": 1}'),
    "not UTF-8": lambda box: box.add("x", to=b"\xff"),
    "another's room": lambda box: box.add("x", to="seller:7"),
    "the processes' room": lambda box: box.add("x", to="control"),
    "missing fields": lambda box: added(box, {"hello": "world"}),
    "many fields": lambda box: added(box, {str(n): "v" for n in range(9000)}),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_poison_is_set_aside_with_its_reason_and_blocks_nothing(
    app: Flask,
    mailbox: Mailbox,
    poison: Callable[[Mailbox], bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = INBOX_REFUSED._value.get()
    mailbox.add("before")
    entry = poison(mailbox)
    found: list[Any] = mailbox.redis.xrange(mailbox.broker.inbox, entry, entry) or []
    [(_, original)] = found
    mailbox.add("after")
    mailbox.drain()
    assert journalled() == ["before", "after"]
    assert mailbox.waiting() == 0
    [kept] = mailbox.refused()
    assert kept.pop(b"entry") == entry
    assert kept.pop(b"reason")
    assert kept == dict(list(original.items())[:FIELDS_KEPT])
    assert INBOX_REFUSED._value.get() == refused + 1
    assert "inbox entry refused" in caplog.text


def test_more_poison_than_a_batch_holds_blocks_nothing(app: Flask, mailbox: Mailbox) -> None:
    for _ in range(BATCH + 1):
        mailbox.add("poison", data=b"{")
    mailbox.add("good")
    mailbox.drain()
    assert journalled() == ["good"]
    assert len(mailbox.refused()) == BATCH + 1


def test_the_refused_entries_are_bounded(app: Flask, mailbox: Mailbox) -> None:
    for _ in range(1300):
        mailbox.add("poison", data=b"{")
    mailbox.drain()
    assert 1000 <= mailbox.redis.xlen(mailbox.broker.refused) < 1300


REFUSALS = {  # of a team's own: what its database does not take
    "postgresql": ["ALTER TABLE ordercast_entries ADD CHECK (position('forbidden' in data) = 0)"],
    "sqlite": [
        "CREATE TRIGGER forbidden BEFORE INSERT ON ordercast_events"
        " WHEN NEW.data LIKE '%forbidden%' BEGIN SELECT RAISE(ABORT, 'no'); END"
    ],
}


def test_what_only_the_database_refuses_is_set_aside_from_a_batch(
    app: Flask, mailbox: Mailbox
) -> None:
    with db.engine.begin() as connection:
        for statement in REFUSALS[db.engine.dialect.name]:
            connection.exec_driver_sql(statement)
    for title in ("one", "forbidden", "two", "forbidden too", "three"):
        mailbox.add(title)
    mailbox.drain()
    assert journalled() == ["one", "two", "three"]
    assert mailbox.waiting() == 0
    assert len(mailbox.refused()) == 2


def test_a_database_that_takes_nothing_makes_nobody_refused(app: Flask, mailbox: Mailbox) -> None:
    """Its tables are not there yet: no entry is at fault, and all are there when they are."""
    mailbox.add("one")
    mailbox.add("two")
    table = entries_table(db.engine.dialect.name).name
    with db.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO elsewhere")
    with pytest.raises(SQLAlchemyError):
        mailbox.drain()
    assert (mailbox.waiting(), mailbox.refused()) == (2, [])
    with db.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE elsewhere RENAME TO {table}")
    mailbox.drain()
    assert journalled() == ["one", "two"]
