"""DATABASE_URL and REDIS_URL: what is understood, and that no complaint repeats a password."""

import pytest
from sqlalchemy import make_url

from tests.harness.application.settings import complaint, setting

SECRET = "hunter2"
WRONG_URLS = [
    *(
        ("DATABASE_URL", url)
        for url in (
            f"mysql://me:{SECRET}@host/db",
            f"postgresql+psycopg2://me:{SECRET}@host/db",
            f"postgres://me:{SECRET}@host:{SECRET}/db",
            f"postgres:/me:{SECRET}@host/db",
            f"host=db password={SECRET}",
            f"postgres://me:{SECRET}@one:{SECRET},two/db",
            f"postgres://me:{SECRET}@one:65536,two/db",
            "sqlite://",
            "instance/ordercast.db",
        )
    ),
    *(
        ("REDIS_URL", url)
        for url in (
            "redis://",
            "localhost:6379",
            f"http://:{SECRET}@host",
            f"unix://:{SECRET}@/var/run/redis.sock",
            f"redis://:{SECRET}@host:{SECRET}",
            f"redis://:{SECRET}@host:65536",
            f"redis://:{SECRET}@host/{SECRET}",
            f"redis://:[{SECRET}]@host",
            f"redis://:{SECRET}\u2100@host",
            f"redis://host?socket_timeout={SECRET}",
            f"redis+sentinel://:{SECRET}@host:26379/0",
            f"redis+sentinel://:{SECRET}@host:26379/{SECRET}/main",
            f"redis+sentinel://:{SECRET}@host:{SECRET}/0/main",
            f"redis+sentinel://:{SECRET}@,/0/main",
            "redis+sentinel://host/0/main/more",
            f"redis+sentinel://host/0/main?password={SECRET}",
            f"redis+sentinel://host/0/main?{SECRET}",
        )
    ),
]


@pytest.mark.parametrize(("name", "value"), WRONG_URLS)
def test_a_wrong_url_is_named_and_never_repeated(name: str, value: str) -> None:
    line = complaint(**{name: value})
    assert line.startswith(f"{name} is wrong: expected ")
    assert SECRET not in line


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_way_to_write_postgresql_means_psycopg_3(scheme: str) -> None:
    rest = "me:pass%40word@host:5433/orders?sslmode=require"
    assert setting("DATABASE_URL", f"{scheme}://{rest}") == f"postgresql+psycopg://{rest}"


def test_a_sqlite_path_is_kept() -> None:
    url = "sqlite:////var/lib/ordercast/orders.db"
    assert setting("DATABASE_URL", url) == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "redis://cache:6380/3",
        "redis://me:pass%40word@[::1]:6380/3",
        "rediss://:word@cache?ssl_cert_reqs=none",
        "redis+sentinel://one:26380,two/0/main",
        "redis+sentinel://me:word@one,[::1]:26380/0/main",
        "redis+sentinel://one/0/main?sentinel_username=me&sentinel_password=pass%40word",
    ],
)
def test_every_kind_of_redis_url_is_kept(url: str) -> None:
    assert setting("REDIS_URL", url) == url


@pytest.mark.parametrize("name", ["REDIS_PREFIX", "QUEUE_CHANNEL"])
@pytest.mark.parametrize(
    "value", [" shop", "shop*", "shop?", "a" * 101, ":shop", "shop\n", "sh[o]p"]
)
def test_a_name_in_redis_is_plain(name: str, value: str) -> None:
    assert complaint(**{name: value}).startswith(f"{name} is wrong: ")


@pytest.mark.parametrize("value", ["shop", "shop-2", "shop:eu", "shop.eu_1"])
def test_a_plain_name_in_redis_is_kept(value: str) -> None:
    assert setting("REDIS_PREFIX", value) == value


def test_a_database_may_have_several_hosts_as_libpq_takes_them() -> None:
    for given, hosts, ports in (
        ("one:5433,two", "one,two", "5433,5432"),
        ("me:a%2Cb@one,two:1", "one,two", "5432,1"),
        ("[::1]:5433,[::2]", "::1,::2", "5433,5432"),
        ("me@one:5433,[::2]", "one,::2", "5433,5432"),
    ):
        url = setting("DATABASE_URL", f"postgresql://{given}/db?target_session_attrs=read-write")
        dialect = make_url(url).get_dialect()()
        _, options = dialect.create_connect_args(make_url(url))
        assert (options["host"], options["port"]) == (hosts, ports)
        assert options["target_session_attrs"] == "read-write"
        assert options["dbname"] == "db"
