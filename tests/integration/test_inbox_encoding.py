"""A database that cannot hold every text: what it cannot hold is set aside, the rest goes on."""

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest
from flask import Flask

from app.accounts.tokens import Identity
from app.config import Settings
from tests.harness.application.mailbox import Mailbox, journalled
from tests.harness.application.market import Market, error, good
from tests.harness.processes.process import SECRET
from tests.harness.servers.migrating import migrate
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

LATIN = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"


@pytest.fixture(params=["&client_encoding=utf8", ""], ids=["refused there", "refused here"])
def database_url(request: pytest.FixtureRequest, postgres: tuple[Postgres, str]) -> Iterator[str]:
    """PostgreSQL with the encoding LATIN1, to which the client speaks UTF-8 or LATIN1 as well."""
    server, _ = postgres
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(LATIN)
    url = f"{server.url('latin')}{request.param}"
    migrate(url)
    yield url
    server.drop("latin")


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer) -> Settings:
    return Settings.of(DATABASE_URL=database_url, REDIS_URL=own_redis.url, JWT_SECRET_KEY=SECRET)


def test_what_the_database_cannot_hold_is_set_aside(app: Flask, own_redis: RedisServer) -> None:
    mailbox = Mailbox(own_redis.url)
    for title in ("thé", "茶", "tea"):
        mailbox.add(title)
    mailbox.add("to whom?", to="茶")
    mailbox.drain()
    assert journalled() == ["thé", "tea"]
    assert mailbox.waiting() == 0
    reasons = [fields[b"reason"].decode() for fields in mailbox.refused()]
    assert len(reasons) == 2
    wanted = "has no equivalent in encoding|codec can't encode character"
    assert all(re.search(wanted, reason) for reason in reasons)
    mailbox.redis.close()


def test_over_http_what_the_database_cannot_hold_is_the_callers_mistake(
    app: Flask, make_user: Callable[..., Identity]
) -> None:
    market = Market(app, make_user)
    body = {"userId": "1", "title": "茶", "message": "tea", "type": "info"}
    assert error(market.admin.post("/api/notifications", body)) == (422, "validation_error")
    assert error(market.bob.post("/api/products", {"name": "茶", "priceCents": 1}))[0] == 422
    good(market.bob.post("/api/products", {"name": "thé", "priceCents": 1}), 201)
