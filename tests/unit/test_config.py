"""The environment: defaults, and a bad value is one line that names it."""

import pytest

from app import create_app
from app.config import ConfigError, Settings, load
from tests.harness.application.settings import GOOD, complaint, setting

DEFAULTS = {
    "DATABASE_URL": "sqlite:///ordercast.db",
    "DATABASE_POOL": 10,
    "DATABASE_OVERFLOW": None,
    "DATABASE_PREPARE": True,
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "REDIS_PREFIX": "ordercast",
    "QUEUE_CHANNEL": "flask-socketio",
    "DURABLE": (),
    "JWT_PUBLIC_KEY": None,
    "JWT_JWKS_URL": None,
    "JWT_ISSUER": None,
    "JWT_AUDIENCE": (),
    "JWT_USER_CLAIM": "sub",
    "JWT_ROLE_CLAIM": "role",
    "JWT_ROLES": {},
    "LOCAL_ACCOUNTS": None,
    "DEMO": False,
    "LEDGER_SECONDS": 1,
    "JWT_LEEWAY": 30,
    "CORS_ORIGINS": (),
    "TRUSTED_PROXIES": (),
    "PORT": 8000,
    "WEB_CONCURRENCY": 1,
    "LOG_LEVEL": "INFO",
    "PING_INTERVAL": 25,
    "PING_TIMEOUT": 20,
    "CONNECT_TIMEOUT": 30,
    "REQUEST_TIMEOUT": 30,
    "TOKEN_GRACE": 25,
    "MAX_MESSAGE_BYTES": 65536,
    "MAX_BACKLOG_BYTES": 1048576,
    "MAX_CONNECTIONS": 20000,
    "MAX_UNAUTHENTICATED_CONNECTIONS": None,
    "MAX_CONNECTIONS_PER_USER": 20,
    "MAX_CONNECTIONS_PER_ADDRESS": 0,
    "MAX_EVENTS_PER_SECOND": 50,
    "LOGIN_ATTEMPTS_PER_MINUTE": 10,
    "LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE": 100,
    "LOGIN_SLOWED_SECONDS": 2,
    "REGISTRATIONS_PER_ADDRESS_PER_MINUTE": 300,
    "MAX_LOGINS_WAITING": 20,
    "PASSWORD_HASH_KIB": 65536,
    "JOURNAL_KEEP_DAYS": 7,
    "RECOVERY_MAX_EVENTS": 1000,
    "RECOVERY_MAX_BYTES": 16_777_216,
    "PENDING_MINUTES": 30,
    "PRIVATE_ADDRESS": None,
    "CANARY_SECONDS": 5,
    "METRICS_PORT": 0,
    "WORKER_PORT": 0,
}
GIVEN = {"ORDERCAST_MAX_CONNECTIONS": 500}
SECONDS = (
    "PING_INTERVAL",
    "PING_TIMEOUT",
    "CONNECT_TIMEOUT",
    "TOKEN_GRACE",
    "LOGIN_SLOWED_SECONDS",
    "CANARY_SECONDS",
)
COUNTS = (
    "MAX_MESSAGE_BYTES",
    "MAX_BACKLOG_BYTES",
    "MAX_CONNECTIONS",
    "MAX_UNAUTHENTICATED_CONNECTIONS",
    "MAX_CONNECTIONS_PER_USER",
    "MAX_CONNECTIONS_PER_ADDRESS",
    "MAX_EVENTS_PER_SECOND",
    "LOGIN_ATTEMPTS_PER_MINUTE",
    "LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE",
    "REGISTRATIONS_PER_ADDRESS_PER_MINUTE",
    "MAX_LOGINS_WAITING",
    "RECOVERY_MAX_EVENTS",
    "RECOVERY_MAX_BYTES",
)
PORTS = ("METRICS_PORT", "WORKER_PORT")
FRACTIONS = (*SECONDS, "JWT_LEEWAY", "JOURNAL_KEEP_DAYS", "PENDING_MINUTES")
WRONG = [
    *((name, value) for name in FRACTIONS for value in ("-1", "soon", "nan", "inf", "1e99")),
    *((name, value) for name in COUNTS for value in ("-1", "many", "1.5", "2147483648")),
    *(("PORT", value) for value in ("0", "65536", "-1", "http")),
    *((name, value) for name in PORTS for value in ("65536", "-1", "http")),
    *(("WEB_CONCURRENCY", value) for value in ("0", "257", "auto")),
    *(("LOCAL_ACCOUNTS", value) for value in ("maybe", "2", "-1")),
    *(("DATABASE_POOL", value) for value in ("0", "-1", "1001", "many")),
    *(("DATABASE_OVERFLOW", value) for value in ("-1", "1001", "many")),
    *(("DATABASE_PREPARE", value) for value in ("maybe", "2")),
    *(("LOG_LEVEL", value) for value in ("LOUD", "info", "TRACE")),
]


def test_every_variable_but_the_secret_has_its_default() -> None:
    assert load(GOOD).model_dump() == {**GOOD, **DEFAULTS}


def test_a_missing_secret_is_named_and_how_to_make_one_is_said() -> None:
    with pytest.raises(ConfigError, match=r"^JWT_SECRET_KEY is not set: make one with python -c"):
        load({})


def test_the_library_is_told_what_was_given_and_no_default() -> None:
    """The doctor minds a MAX_CONNECTIONS of the operator's, and not its default."""
    config = load({**GOOD, "MAX_CONNECTIONS": "500", "PORT": "8001"}).as_config()
    assert config == {**{f"ORDERCAST_{name}": value for name, value in GOOD.items()}, **GIVEN}


@pytest.mark.parametrize("most", ["0", "50", "20000", "100000"])
def test_all_the_clients_of_a_process_may_come_back_at_once(most: str) -> None:
    """None of them is authenticated yet."""
    waiting = load({**GOOD, "MAX_CONNECTIONS": most}).unauthenticated_connections
    assert waiting == (int(most) or 20_000)
    given = load({**GOOD, "MAX_CONNECTIONS": most, "MAX_UNAUTHENTICATED_CONNECTIONS": "7"})
    assert given.unauthenticated_connections == 7


def test_create_app_stops_with_the_same_line() -> None:
    with pytest.raises(ConfigError, match=r"^PORT is wrong: "):
        create_app({**GOOD, "PORT": "http"})


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_empty_value_is_an_unset_one(name: str) -> None:
    assert setting(name, "") == DEFAULTS[name]


def test_an_empty_secret_is_an_unset_one() -> None:
    assert complaint(JWT_SECRET_KEY="").startswith("JWT_SECRET_KEY is not set")


def test_a_variable_of_somebody_else_is_left_alone() -> None:
    assert load({**GOOD, "PATH": "/bin", "port": "1"}).PORT == 8000


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_number_or_word_is_named(name: str, value: str) -> None:
    assert complaint(**{name: value}).startswith(f"{name} is wrong: ")


def test_several_wrong_values_are_all_named_in_one_line() -> None:
    line = complaint(JWT_SECRET_KEY="", PORT="0", REDIS_URL="nowhere", CORS_ORIGINS="*")
    for name in ("JWT_SECRET_KEY", "PORT", "REDIS_URL", "CORS_ORIGINS"):
        assert line.count(f"{name} is ") == 1


@pytest.mark.parametrize("name", FRACTIONS)
def test_a_time_may_be_a_fraction_and_0_is_off(name: str) -> None:
    assert setting(name, "0.25") == 0.25
    assert setting(name, "0") == 0


@pytest.mark.parametrize("name", COUNTS)
def test_a_limit_may_be_0_which_is_off(name: str) -> None:
    assert setting(name, "0") == 0


def test_settings_of_typed_values_are_checked_too_and_cannot_be_changed() -> None:
    settings = Settings.of(GOOD, PORT=80)
    assert settings.PORT == 80
    with pytest.raises(ValueError, match="PORT"):
        Settings.of(GOOD, PORT=0)
    with pytest.raises(ValueError, match="frozen"):
        settings.PORT = 81  # type: ignore[misc]
