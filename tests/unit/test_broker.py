"""What a REDIS_URL means to the client that is made from it. Nothing connects."""

import pytest
from redis import SSLConnection
from redis.sentinel import SentinelConnectionPool

from ordercast import broker
from ordercast.broker import Broker


def sentinel_pool(url: str) -> SentinelConnectionPool:
    pool = broker.connect(url).connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    return pool


def hosts(pool: SentinelConnectionPool) -> list[tuple[str, int]]:
    found = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    return [(kwargs["host"], kwargs["port"]) for kwargs in found]


def test_a_plain_url_gives_host_port_database_and_credentials() -> None:
    given = broker.connect("redis://me:pass%40word@cache:6380/3").connection_pool.connection_kwargs
    assert (given["host"], given["port"], given["db"]) == ("cache", 6380, 3)
    assert (given["username"], given["password"]) == ("me", "pass@word")


def test_rediss_is_tls() -> None:
    assert broker.connect("rediss://cache").connection_pool.connection_class is SSLConnection


def test_a_sentinel_url_gives_hosts_database_and_service() -> None:
    pool = sentinel_pool("redis+sentinel://one:26380,two,[::1]:26381,[fe80::2]/4/main")
    assert hosts(pool) == [("one", 26380), ("two", 26379), ("::1", 26381), ("fe80::2", 26379)]
    assert pool.service_name == "main"
    assert pool.is_master
    assert pool.connection_kwargs["db"] == 4


def test_a_sentinel_url_without_credentials_gives_none() -> None:
    kwargs = sentinel_pool("redis+sentinel://one/0/main").connection_kwargs
    assert kwargs.get("username") is None
    assert kwargs.get("password") is None


@pytest.mark.parametrize(
    ("user", "username", "password"),
    [("me:pass%40w%2Frd@", "me", "pass@w/rd"), (":word@", None, "word")],
)
def test_the_credentials_of_a_sentinel_url_are_the_masters(
    user: str, username: str | None, password: str
) -> None:
    pool = sentinel_pool(f"redis+sentinel://{user}one:1,two:2/0/main")
    assert hosts(pool) == [("one", 1), ("two", 2)]
    assert pool.connection_kwargs.get("username") == username
    assert pool.connection_kwargs["password"] == password


@pytest.mark.parametrize("url", ["redis://cache", "redis+sentinel://one/0/main"])
def test_a_silent_redis_holds_nobody_up_and_nothing_is_retried(url: str) -> None:
    kwargs = broker.connect(url, timeout=0.25).connection_pool.connection_kwargs
    assert kwargs["socket_timeout"] == kwargs["socket_connect_timeout"] == 0.25
    assert kwargs["retry"] is None
    assert kwargs["retry_on_error"] == []


def test_a_sentinel_is_asked_once_and_not_for_long() -> None:
    pool = broker.connect("redis+sentinel://one,two/0/main", timeout=5).connection_pool
    for sentinel in pool.sentinel_manager.sentinels:  # type: ignore[attr-defined]
        kwargs = sentinel.connection_pool.connection_kwargs
        assert kwargs["socket_timeout"] == kwargs["socket_connect_timeout"] == 0.5
        assert kwargs["retry"] is None
        assert kwargs["retry_on_error"] == []


def test_the_sentinels_own_credentials_are_in_the_query() -> None:
    url = "redis+sentinel://:master@one/0/main?sentinel_username=me&sentinel_password=pass%40word"
    pool = sentinel_pool(url)
    asking = pool.sentinel_manager.sentinels[0].connection_pool.connection_kwargs
    assert (asking["username"], asking["password"]) == ("me", "pass@word")
    assert pool.connection_kwargs["password"] == "master"


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("redis://cache", 0),
        ("redis://cache/3", 3),
        ("redis://cache?db=4", 4),
        ("rediss://cache/5", 5),
        ("redis+sentinel://one,two/6/main", 6),
    ],
)
def test_channels_carry_the_databases_number_and_keys_need_not(url: str, number: int) -> None:
    names = Broker(url, "shop")
    assert names.journal_channel == f"shop:{number}:journal"
    assert names.doorbell_channel == f"shop:{number}:doorbell"
    assert (names.inbox, names.refused) == ("shop:inbox", "shop:inbox:refused")


def test_an_error_is_told_in_one_line_that_is_not_long() -> None:
    told = broker.reason(ConnectionError("a\nb\t c " + "x" * 1000))
    assert told.startswith("a b c xxx")
    assert len(told) == broker.MAX_REDIS_ERROR_CHARACTERS
    assert broker.reason(TimeoutError()) == "TimeoutError"
