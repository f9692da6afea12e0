"""The settings: the only reader of the environment.

`load(environ)` is pure: it takes a mapping and returns `Settings` or raises `ConfigError`, whose
text is one line that names every variable that is missing or wrong and never repeats a secret.
The library's settings among them are passed on as `ORDERCAST_*` in `app.config`.

SQLAlchemy is imported where a URL is parsed: gunicorn's master loads the settings without it.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from app.roles import Role, RoleClaim, read_names
from ordercast import TOKEN_ISSUER, ConfigError
from ordercast import Settings as LibrarySettings

__all__ = ["ConfigError", "Settings", "load"]

POSTGRES_PORT = 5432

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Limit = Annotated[int, Field(ge=0, le=2**31 - 1)]


OTHERS = ("JWT_PUBLIC_KEY", "JWT_JWKS_URL", "JWT_ISSUER")  # each says that another issuer counts


def _names(given: Any) -> Any:
    return read_names(given) if isinstance(given, str) else given


class Settings(LibrarySettings):
    """Every variable of the environment, checked. Limits: 0 is off."""

    DATABASE_URL: Annotated[str, Field(repr=False)] = (
        "sqlite:///ordercast.db"  # relative SQLite paths start in instance/
    )
    DATABASE_POOL: Annotated[int, Field(ge=1, le=1000)] = 10
    DATABASE_OVERFLOW: Annotated[int, Field(ge=0, le=1000)] | None = None  # None: 2 * DATABASE_POOL
    DATABASE_PREPARE: bool = True
    JWT_SECRET_KEY: Annotated[str, Field(repr=False)]
    JWT_ROLE_CLAIM: Annotated[str, Field(min_length=1, max_length=500)] = "role"  # a dotted path
    JWT_ROLES: Annotated[  # name in a token: role; empty: the roles' own names
        dict[str, Role], BeforeValidator(_names), Field(default_factory=dict)
    ]
    LOCAL_ACCOUNTS: bool | None = None  # None: on, unless the users are another issuer's
    DEMO: bool = False  # the pages offer the demo's logins
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

    @field_validator("JWT_ISSUER")
    @classmethod
    def _another(cls, issuer: str | None) -> str | None:
        if issuer == TOKEN_ISSUER:
            raise ValueError(f"{issuer!r} is the issuer of the tokens that are made here")
        return issuer

    @field_validator("LOCAL_ACCOUNTS")
    @classmethod
    def _one_issuer(cls, wanted: bool | None, others: ValidationInfo) -> bool | None:
        name = next((name for name in OTHERS if others.data.get(name)), None)
        if wanted and name:
            raise ValueError(
                f"with {name} the users are another service's,"
                " and accounts made here would share their ids"
            )
        return wanted

    @property
    def has_local_accounts(self) -> bool:
        """Whether people register and log in here."""
        if self.LOCAL_ACCOUNTS is not None:
            return self.LOCAL_ACCOUNTS
        return not any(getattr(self, name) for name in OTHERS)

    @cached_property
    def role_claim(self) -> RoleClaim:
        """How the tokens of the issuer name roles."""
        return RoleClaim(self.JWT_ROLE_CLAIM, self.JWT_ROLES or RoleClaim().names)

    @classmethod
    def of(cls, config: Mapping[str, Any] | None = None, **changes: Any) -> Self:
        """Settings from already typed values: for tests and embedding."""
        return cls.model_validate({**(config or {}), **changes})


def _several_hosts(url: str) -> str:
    """postgresql://user@one:5432,two/name, as libpq takes it, for SQLAlchemy. Raises ValueError."""
    authority = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]
    user, at, hosts = authority.rpartition("@")
    if "," not in hosts:
        return url
    # Split each host alone: urlsplit of some Python releases, Debian's 3.11 among them, refuses a
    # list in which a later host has brackets.
    first, *others = hosts.split(",")
    parts = urlsplit(url.replace(authority, f"{user}{at}{first}", 1))
    each = [parts, *(urlsplit(f"//{host}") for host in others)]
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
