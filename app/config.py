"""The settings: the only reader of the environment.

`load(environ)` is pure: it takes a mapping and returns `Settings` or raises `ConfigError`, whose
text is one line that names every variable that is missing or wrong and never repeats a secret.
The library's settings among them are passed on as `ORDERCAST_*` in `app.config`.

SQLAlchemy is imported where a URL is parsed: gunicorn's master loads the settings without it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from ordercast import ConfigError
from ordercast import Settings as LibrarySettings

__all__ = ["ConfigError", "Settings", "load"]

POSTGRES_PORT = 5432

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Limit = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Settings(LibrarySettings):
    """Every variable of the environment, checked. Limits: 0 is off."""

    DATABASE_URL: Annotated[str, Field(repr=False)] = (
        "sqlite:///ordercast.db"  # relative SQLite paths start in instance/
    )
    DATABASE_POOL: Annotated[int, Field(ge=1, le=1000)] = 10
    DATABASE_PREPARE: bool = True
    JWT_SECRET_KEY: Annotated[str, Field(repr=False)]
    LOCAL_ACCOUNTS: bool | None = None  # None: on, unless the users are another issuer's
    PORT: Annotated[int, Field(ge=1, le=65535)] = 8000
    WEB_CONCURRENCY: Annotated[int, Field(ge=1, le=256)] = 1
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    LOGIN_ATTEMPTS_PER_MINUTE: Limit = 10
    LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE: Limit = 100
    LOGIN_SLOWED_SECONDS: Seconds = 2
    REGISTRATIONS_PER_ADDRESS_PER_MINUTE: Limit = 300
    MAX_LOGINS_WAITING: Limit = 20
    PASSWORD_HASH_KIB: Annotated[int, Field(ge=64, le=4_194_304)] = 65_536
    PENDING_MINUTES: Annotated[float, Field(ge=0, le=525_600, allow_inf_nan=False)] = 30

    @field_validator("DATABASE_URL")
    @classmethod
    def _database(cls, url: str) -> str:
        """SQLite or PostgreSQL; `postgres://`, the form that platforms give, means psycopg 3."""
        for prefix in ("postgres://", "postgresql://"):
            if url.startswith(prefix):
                url = "postgresql+psycopg://" + url.removeprefix(prefix)
        known = url.startswith(("sqlite:///", "postgresql+psycopg://"))
        read = _database_url(url) if known else None
        if read is None:
            raise ValueError("expected sqlite:///path or postgresql://user:password@host:port/name")
        return read

    @field_validator("LOCAL_ACCOUNTS")
    @classmethod
    def _one_issuer(cls, wanted: bool | None, others: ValidationInfo) -> bool | None:
        if wanted and others.data.get("JWT_PUBLIC_KEY"):
            raise ValueError(
                "with JWT_PUBLIC_KEY the users are another service's,"
                " and accounts made here would share their ids"
            )
        return wanted

    @property
    def has_local_accounts(self) -> bool:
        """Whether people register and log in here."""
        return self.JWT_PUBLIC_KEY is None if self.LOCAL_ACCOUNTS is None else self.LOCAL_ACCOUNTS

    @classmethod
    def of(cls, config: Mapping[str, Any] | None = None, **changes: Any) -> Self:
        """Settings from already typed values: for tests and embedding."""
        return cls.model_validate({**(config or {}), **changes})


def _several_hosts(url: str) -> str:
    """postgresql://user@one:5432,two/name, as libpq takes it, for SQLAlchemy. Raises ValueError."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return url
    each = [urlsplit(f"//{host}") for host in hosts.split(",")]
    names = ",".join(host.hostname or "" for host in each)
    ports = ",".join(str(host.port or POSTGRES_PORT) for host in each)
    return f"{parts.scheme}://{user}{at}{parts.path}?host={names}&port={ports}&{parts.query}"


def _database_url(url: str) -> str | None:
    """The URL as SQLAlchemy takes it; None if it cannot be parsed. SQLAlchemy's own message may
    contain the password, so it is not shown."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = _several_hosts(url)
        make_url(url)
    except (ArgumentError, ValueError):
        return None
    return url


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`. An empty value counts as unset. Raises ConfigError."""
    names = Settings.model_fields
    return Settings.checked({name: environ[name] for name in names if environ.get(name)})
