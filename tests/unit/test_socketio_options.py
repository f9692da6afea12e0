"""The options of the team's SocketIO: they count before a default, and what cannot be served with
is refused in one line."""

import logging
import sqlite3
from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIO
from sqlalchemy import create_engine

from ordercast import ConfigError, Ordercast, Settings
from ordercast.live import options

SERIALIZER: Any = object()


def offered(settings: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    return options.server_options(given, Settings.checked(settings or {}))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    records = [record for record in caplog.records if record.name == options.__name__]
    return [record.message for record in records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"async_mode": "eventlet"}, "async_mode='eventlet'"),
        ({"async_mode": "asgi"}, "async_mode='asgi'"),
        ({"always_connect": True}, "always_connect=True"),
        ({"serializer": "msgpack"}, "serializer=..."),
        ({"serializer": SERIALIZER}, "serializer=..."),
        ({"client_manager": SERIALIZER}, "client_manager=..."),
    ],
)
def test_what_is_not_supported_is_refused_in_one_line(given: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        offered(**given)
    assert str(caught.value).startswith(f"SocketIO({why}) is not supported: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", [None, "gevent", "threading"])
def test_gevent_serves_under_gunicorn_and_threads_elsewhere(mode: str | None) -> None:
    assert offered(async_mode=mode)["async_mode"] == "threading"


def test_an_option_counts_before_a_default_and_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = offered(ping_interval=3, max_http_buffer_size=2000, cors_allowed_origins="*")
    assert (made["ping_interval"], made["ping_timeout"]) == (3, 20)
    assert (made["max_http_buffer_size"], made["cors_allowed_origins"]) == (2000, "*")
    assert warnings(caplog) == []


def test_an_option_counts_before_a_setting_that_says_another_thing_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = {"PING_INTERVAL": 10, "PING_TIMEOUT": 5, "CORS_ORIGINS": "https://a.example"}
    made = offered(settings, ping_interval=3, ping_timeout=5, cors_allowed_origins="*")
    assert (made["ping_interval"], made["cors_allowed_origins"]) == (3, "*")
    assert warnings(caplog) == [
        "SocketIO(ping_interval=...) is used, and not ORDERCAST_PING_INTERVAL, which is another",
        "SocketIO(cors_allowed_origins=...) is used, and not ORDERCAST_CORS_ORIGINS,"
        " which is another",
    ]


def test_the_same_in_both_places_is_no_conflict(caplog: pytest.LogCaptureFixture) -> None:
    settings = {"PING_INTERVAL": 10, "CORS_ORIGINS": "https://a.example, https://b.example"}
    offered(
        settings, ping_interval=10, cors_allowed_origins=["https://a.example", "https://b.example"]
    )
    assert warnings(caplog) == []


def test_what_has_no_effect_says_so(caplog: pytest.LogCaptureFixture) -> None:
    offered(monitor_clients=False, engineio_logger=True)
    assert [line.partition(":")[0] for line in warnings(caplog)] == [
        "SocketIO(monitor_clients=...) has no effect",
        "SocketIO(engineio_logger=...) has no effect",
    ]


def test_the_queue_that_stock_is_given_is_the_services(caplog: pytest.LogCaptureFixture) -> None:
    given = {"message_queue": "redis://queue.example/1", "channel": "ours"}
    made = options.with_queue(Settings(), given)
    assert (made.REDIS_URL, made.QUEUE_CHANNEL) == ("redis://queue.example/1", "ours")
    assert warnings(caplog) == []
    set_too = Settings(REDIS_URL="redis://other.example/0")
    made = options.with_queue(set_too, given)
    assert (made.REDIS_URL, made.QUEUE_CHANNEL) == ("redis://other.example/0", "ours")
    assert warnings(caplog) == ["SocketIO(message_queue=...) is not used, but ORDERCAST_REDIS_URL"]


def test_a_queue_that_is_no_redis_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^REDIS_URL is wrong: .*message_queue="):
        options.with_queue(Settings(), {"message_queue": "amqp://queue.example"})


def test_pings_may_be_given_with_the_grace_of_stock() -> None:
    limits = options.limits(offered(ping_interval=(7, 2)), Settings())
    assert (limits.ping_interval, limits.ping_grace) == (7, 2)


def test_an_asynchronous_engine_is_refused_in_one_line() -> None:
    cast = Ordercast()
    engine = create_engine("postgresql+psycopg_async://localhost/shop")
    cast.init_app(Flask("team"), SocketIO(), engine=lambda: engine)
    with pytest.raises(ConfigError, match=r"^the engine is asynchronous \(psycopg\): "):
        cast.head()


@pytest.mark.parametrize("driver", ["psycopg2", "pg8000"])
def test_a_driver_that_stops_every_client_while_it_waits_is_refused_in_one_line(
    driver: str,
) -> None:
    app, cast = Flask("team"), Ordercast()
    # Neither driver has to be installed: the engine never connects.
    url = f"postgresql+{driver}://localhost/shop"
    engine = create_engine(url, module=sqlite3, _initialize=False)
    cast.init_app(app, SocketIO(), engine=lambda: engine)
    with pytest.raises(ConfigError, match=f"^the database's driver is {driver}, "):
        app.extensions["ordercast"].start()
    result = app.test_cli_runner().invoke(args=["ordercast", "upgrade"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"config_error: the database's driver is {driver}, ")
    assert len(result.stderr.splitlines()) == 1


def test_a_database_of_another_kind_is_refused_in_one_line() -> None:
    app, cast = Flask("team"), Ordercast()
    engine = create_engine("mysql+mysqldb://localhost/shop", module=sqlite3)
    cast.init_app(app, SocketIO(), engine=lambda: engine)
    with pytest.raises(ConfigError, match=r"^the database is mysql: "):
        cast.head()
    result = app.test_cli_runner().invoke(args=["ordercast", "upgrade"])
    assert result.exit_code == 1
    assert result.stderr == (
        "config_error: the database is mysql: Ordercast needs PostgreSQL or SQLite\n"
    )
