"""The settings: the only reader of the environment.

`load(environ)` is pure: it takes a mapping and returns `Settings` or raises `ConfigError`, whose
text is one line that names every variable that is missing or wrong and never repeats a secret.

Two libraries are imported where they are used: an external script that imports app.emitters gets
here through broker.py, and needs neither.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from redis.connection import parse_url

from ordercast.origins import parse

MIN_SECRET_BYTES = 32  # RFC 7518 section 3.2: as long as the hash
MIN_SECRET_CHARACTERS = 8  # different ones; 32 random hexadecimal digits have about 14
MAX_REPEATED = 12  # characters: a secret that is a shorter text again and again is that text
MAKE_SECRET = "make one with python -c 'import secrets; print(secrets.token_hex(32))'"  # noqa: S105
MIN_RSA_BITS = 2048  # RFC 7518 section 3.3
SENTINEL_PORT = 26379
POSTGRES_PORT = 5432

UNIX = "unix:"  # in TRUSTED_PROXIES: the peers of a Unix socket, who have no address

# A Redis key's beginning, or a channel's name; a pattern of Redis' ACL can spell it.
NAME = r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,99}$"

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Limit = Annotated[int, Field(ge=0, le=2**31 - 1)]


class ConfigError(Exception):
    """A variable is missing or wrong; the text is one line that names it."""


def _list(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _origin(text: str) -> str:
    if "*" in text:
        raise ValueError("'*' is refused because credentials are allowed: list the origins")
    return str(parse(text))


def _network(text: str) -> str:
    if text == UNIX:
        return text
    try:
        return str(ip_network(text))
    except ValueError as exc:
        raise ValueError(
            f"expected addresses, networks like 10.0.0.0/8, or {UNIX}, not {text[:100]!r}"
        ) from exc


class Settings(BaseModel):
    """Every variable of the environment, checked. Limits: 0 is off."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    DATABASE_URL: Annotated[str, Field(repr=False)] = (
        "sqlite:///ordercast.db"  # relative SQLite paths start in instance/
    )
    DATABASE_POOL: Annotated[int, Field(ge=1, le=1000)] = 10
    DATABASE_PREPARE: bool = True
    REDIS_URL: Annotated[str, Field(repr=False)] = "redis://127.0.0.1:6379/0"
    REDIS_PREFIX: Annotated[str, Field(pattern=NAME)] = "ordercast"
    QUEUE_CHANNEL: Annotated[str, Field(pattern=NAME)] = "flask-socketio"
    JWT_SECRET_KEY: Annotated[str, Field(repr=False)]
    JWT_PUBLIC_KEY: str | None = None  # PEM; the tokens of a team's own identity service
    LOCAL_ACCOUNTS: bool | None = None  # None: unless the users are another issuer's
    JWT_LEEWAY: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = (
        30  # seconds: for `iat`, `nbf` and the times of revocations, never for `exp`
    )
    CORS_ORIGINS: Annotated[
        tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_list)
    ] = ()
    TRUSTED_PROXIES: Annotated[
        tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_list)
    ] = ()
    PORT: Annotated[int, Field(ge=1, le=65535)] = 8000
    WEB_CONCURRENCY: Annotated[int, Field(ge=1, le=256)] = 1
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    PING_INTERVAL: Seconds = 25
    PING_TIMEOUT: Seconds = 20
    CONNECT_TIMEOUT: Seconds = 30
    REQUEST_TIMEOUT: Seconds = 30
    TOKEN_GRACE: Seconds = 25
    MAX_MESSAGE_BYTES: Limit = 65_536
    MAX_BACKLOG_BYTES: Limit = 1_048_576
    MAX_CONNECTIONS: Limit = 20_000
    MAX_UNAUTHENTICATED_CONNECTIONS: Limit | None = None  # None: a tenth of those, at least 100
    MAX_CONNECTIONS_PER_USER: Limit = 20
    MAX_CONNECTIONS_PER_ADDRESS: Limit = 0
    MAX_EVENTS_PER_SECOND: Limit = 50
    LOGIN_ATTEMPTS_PER_MINUTE: Limit = 10
    LOGIN_ATTEMPTS_PER_ADDRESS_PER_MINUTE: Limit = 100
    LOGIN_SLOWED_SECONDS: Seconds = 2
    REGISTRATIONS_PER_ADDRESS_PER_MINUTE: Limit = 300
    MAX_LOGINS_WAITING: Limit = 20
    JOURNAL_KEEP_DAYS: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] = 7
    RECOVERY_MAX_EVENTS: Limit = 1000
    RECOVERY_MAX_BYTES: Limit = 16_777_216
    PENDING_MINUTES: Annotated[float, Field(ge=0, le=525_600, allow_inf_nan=False)] = 30

    @property
    def unauthenticated_connections(self) -> int:
        """How many may be open that have not authenticated; 0 is no limit."""
        given = self.MAX_UNAUTHENTICATED_CONNECTIONS
        return max(100, self.MAX_CONNECTIONS // 10) if given is None else given

    @field_validator("DATABASE_URL")
    @classmethod
    def _database(cls, url: str) -> str:
        """SQLite and PostgreSQL; `postgres://`, as platforms hand it out, means psycopg 3."""
        for prefix in ("postgres://", "postgresql://"):
            if url.startswith(prefix):
                url = "postgresql+psycopg://" + url.removeprefix(prefix)
        known = url.startswith(("sqlite:///", "postgresql+psycopg://"))
        read = _database_url(url) if known else None
        if read is None:
            raise ValueError("expected sqlite:///path or postgresql://user:password@host:port/name")
        return read

    @field_validator("REDIS_URL")
    @classmethod
    def _redis(cls, url: str) -> str:
        if not _is_redis(url):
            raise ValueError(
                "expected redis://host:port/db, rediss://host:port/db"
                " or redis+sentinel://host:port,host:port/db/service"
            )
        return url

    @field_validator("JWT_SECRET_KEY")
    @classmethod
    def _secret(cls, text: str) -> str:
        if not text.strip() or text.lstrip().startswith("-----BEGIN"):  # HMAC takes no PEM
            raise ValueError("expected random text; a public key goes into JWT_PUBLIC_KEY")
        if len(text.encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"expected at least {MIN_SECRET_BYTES} bytes; {MAKE_SECRET}")
        if len(set(text)) < MIN_SECRET_CHARACTERS or _is_repetition(text):
            raise ValueError(f"it repeats itself and is easily guessed; {MAKE_SECRET}")
        return text

    @field_validator("JWT_PUBLIC_KEY")
    @classmethod
    def _public_key(cls, text: str | None) -> str | None:
        if text is None:
            return None
        pem = text.replace("\\n", "\n")  # platforms that keep a variable on one line
        key_algorithm(pem)
        return pem

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
    def of(cls, **changes: Any) -> Self:
        """Settings from already typed values: for tests and embedding."""
        return cls.model_validate(changes)


def _is_repetition(text: str) -> bool:
    return any(text[size:] == text[:-size] for size in range(1, MAX_REPEATED + 1))


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


# Whether the libraries can read the URL. Their own words may repeat the password: not shown.


def _database_url(url: str) -> str | None:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = _several_hosts(url)
        make_url(url)
    except (ArgumentError, ValueError):
        return None
    return url


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        if parts.scheme == "redis+sentinel":
            return bool(sentinels(url))
        read = parse_url(url)  # type: ignore[no-untyped-call]
    except ValueError:
        return False
    # It reads a database that is no number as 0, and a socket's path as one.
    is_number = re.fullmatch(r"/?[0-9]*", parts.path) is not None
    return parts.scheme in ("redis", "rediss") and "host" in read and is_number


class Sentinels(NamedTuple):
    """What a redis+sentinel:// URL says."""

    hosts: list[tuple[str, int]]
    database: int
    service: str
    credentials: dict[str, str]  # of the Sentinels themselves; user and password are the master's


def sentinels(url: str) -> Sentinels:
    """Read redis+sentinel://user:password@host:port,host:port/db/service, with what the Sentinels
    themselves ask for in ?sentinel_username=...&sentinel_password=...

    Raises ValueError.
    """
    parts = urlsplit(url)
    hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
    database, service = parts.path.strip("/").split("/")
    if not service or not all(host.hostname for host in hosts):
        raise ValueError("no service or no host")
    given = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    if given.keys() - {"sentinel_username", "sentinel_password"}:
        raise ValueError("an option that is not known")
    return Sentinels(
        hosts=[(str(host.hostname), host.port or SENTINEL_PORT) for host in hosts],
        database=int(database),
        service=service,
        credentials={key.removeprefix("sentinel_"): values[-1] for key, values in given.items()},
    )


def redis_database(url: str) -> int:
    """The number of the database that a good REDIS_URL names; 0 if it names none."""
    if urlsplit(url).scheme == "redis+sentinel":
        return sentinels(url).database
    read = parse_url(url)  # type: ignore[no-untyped-call]
    return int(read.get("db", 0))


def key_algorithm(pem: str) -> Literal["RS256", "ES256"]:
    """The JWT algorithm (RFC 7518 section 3.1) of a PEM public key. Raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    wanted = "expected a public key in PEM, RSA or P-256"
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ValueError(wanted) from exc
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise ValueError(
                f"an RSA key has at least {MIN_RSA_BITS} bits, this one {key.key_size}"
            )
        return "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    raise ValueError(wanted)


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from `environ`. An empty value counts as unset. Raises ConfigError."""
    given = {name: environ[name] for name in Settings.model_fields if environ.get(name)}
    try:
        return Settings.model_validate(given)
    except ValidationError as exc:
        raise ConfigError("; ".join(map(_complaint, exc.errors()))) from None


def _complaint(error: Any) -> str:
    name = error["loc"][0]
    if error["type"] == "missing":
        return f"{name} is not set" + (f": {MAKE_SECRET}" if name == "JWT_SECRET_KEY" else "")
    return f"{name} is wrong: {plain_words(error['msg'])}"


def plain_words(message: str) -> str:
    """What pydantic says of a value, without the kind of exception that a validator raised."""
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
