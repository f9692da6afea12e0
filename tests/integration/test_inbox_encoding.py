"""A database that cannot hold every text: what it cannot hold is set aside, the rest goes on."""

from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask

from app.config import Settings
from tests.conftest import upgrade
from tests.harness.mailbox import Mailbox, journalled
from tests.harness.processes import SECRET
from tests.harness.servers import Postgres, RedisServer

LATIN = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"


@pytest.fixture
def database_url(postgres: tuple[Postgres, str]) -> Iterator[str]:
    """PostgreSQL with the encoding LATIN1, to which the client speaks UTF-8."""
    server, _ = postgres
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(LATIN)
    url = f"{server.url('latin')}&client_encoding=utf8"
    upgrade(url)
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
    assert all("has no equivalent in encoding" in reason for reason in reasons)
    mailbox.redis.close()
