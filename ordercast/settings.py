"""The library's settings: `ORDERCAST_*` in `app.config`, each documented at its declaration.

`Settings.of(app.config)` is pure. A service with an environment of its own, as the marketplace of
this repository has, inherits from `Settings` and passes on what it read: `as_config()`.
"""

import json
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

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

from ordercast import redis_url
from ordercast.complaints import plain_words
from ordercast.keys import public_key
from ordercast.origins import parse
from ordercast.private_address import PrivateAddress, private_address

PREFIX = "ORDERCAST_"  # of every name in `app.config`
USUAL_CONNECTIONS = 20_000  # of one process
MAX_PATTERN_CHARACTERS = 255
UNIX = "unix:"  # in TRUSTED_PROXIES: the peers of a Unix socket, which have no address

# A Redis key's beginning, or a channel's name; a pattern of Redis' ACL can spell it.
NAME = r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,99}$"
MAX_NAME_CHARACTERS = 500  # of an issuer or of the path of a claim
TOKEN_KEYS = ("JWT_SECRET_KEY", "JWT_PUBLIC_KEY", "JWT_JWKS_URL")
MIN_SECRET_BYTES = 32  # RFC 7518 section 3.2: as long as the hash
MIN_SECRET_CHARACTERS = 8  # different ones; 32 random hexadecimal digits have about 14
MAX_REPEATED_CHARACTERS = 12  # of a text; a secret that only repeats one is refused
MAKE_SECRET = "make one with python -c 'import secrets; print(secrets.token_hex(32))'"  # noqa: S105

Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Limit = Annotated[int, Field(ge=0, le=2**31 - 1)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Name = Annotated[str, Field(pattern=NAME)]


class ConfigError(Exception):
    """A setting is missing or wrong; the text is one line that names it."""


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


def _address(text: Any) -> Any:
    return private_address(text) if isinstance(text, str) else text


def _pattern(text: str) -> str:
    if not text.isprintable() or len(text) > MAX_PATTERN_CHARACTERS:
        raise ValueError(f"expected names of events, separated by commas, not {text[:100]!r}")
    if text.count("[") != text.count("]"):
        raise ValueError(f"a bracket is not closed, or not opened: {text!r}")
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
Origin = Annotated[str, AfterValidator(_origin)]
Network = Annotated[str, AfterValidator(_network)]


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    # urllib would send a user and a password as a part of the host's name.
    is_plain = url.isprintable() and " " not in url and "@" not in parts.netloc
    return parts.scheme in ("http", "https") and is_complete and is_plain


def strong_secret(text: str) -> str:
    """A secret that can sign. Raises ValueError for one that is short or easily guessed."""
    if not text.strip() or text.lstrip().startswith("-----BEGIN"):  # HMAC takes no PEM
        raise ValueError("expected random text; a public key goes into JWT_PUBLIC_KEY")
    if len(text.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"expected at least {MIN_SECRET_BYTES} bytes; {MAKE_SECRET}")
    if len(set(text)) < MIN_SECRET_CHARACTERS or _is_repetition(text):
        raise ValueError(f"it repeats itself and is easily guessed; {MAKE_SECRET}")
    return text


def _is_repetition(text: str) -> bool:
    sizes = range(1, MAX_REPEATED_CHARACTERS + 1)
    return any(text[size:] == text[:-size] for size in sizes)


class Settings(BaseModel):
    """Every setting of the library, checked. Limits: 0 is off."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)

    REDIS_URL: Annotated[str, Field(repr=False)] = "redis://127.0.0.1:6379/0"
    """`redis://`, `rediss://` or `redis+sentinel://host:port,host:port/db/service`"""
    REDIS_PREFIX: Name = "ordercast"
    """begins every key and channel of the service"""
    QUEUE_CHANNEL: Name = "flask-socketio"
    """the channel of stock emits, from this service's processes and external scripts"""
    DURABLE: Annotated[tuple[Pattern, ...], BeforeValidator(_list)] = ()
    """comma separated names of events, `*` for any characters (`order:*, notification`): what
    `socketio.emit` sends by these names becomes durable"""
    JWT_SECRET_KEY: Annotated[str | None, Field(repr=False)] = None
    """verifies HS256 tokens, and signs pids; pids are signed with Flask's `SECRET_KEY` if unset"""
    JWT_PUBLIC_KEY: str | None = None
    """PEM, a public key or a certificate: RSA (RS256-512, PS256-512), P-256, P-384 or P-521
    (ES256-512), Ed25519 or Ed448 (EdDSA): verifies the tokens of another issuer, and no others"""
    JWT_JWKS_URL: str | None = None
    """http(s) URL of an issuer's key set, a JWK Set or certificates by `kid`: as JWT_PUBLIC_KEY,
    with keys that rotate"""
    JWT_ISSUER: Annotated[str | None, Field(max_length=MAX_NAME_CHARACTERS)] = None
    """`iss` of every token, exactly"""
    JWT_AUDIENCE: Annotated[tuple[str, ...], BeforeValidator(_list)] = ()
    """comma separated: a token's `aud` has to name one of them, or without `aud` its `client_id` or
    `azp`; unset: a token with `aud` is refused"""
    JWT_USER_CLAIM: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)] = "sub"
    """the claim with the user's id, a text or a whole number; a dotted path"""
    JWT_LEEWAY: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 30
    """seconds by which clocks may differ: for `iat`, `nbf` and the times of revocations, never for
    `exp`"""
    TOKEN_GRACE: Seconds = 25
    """seconds after a token's end in which `auth:refresh` may bring another"""
    CORS_ORIGINS: Annotated[tuple[Origin, ...], BeforeValidator(_list)] = ()
    """comma separated origins besides the service's own, credentials allowed"""
    TRUSTED_PROXIES: Annotated[tuple[Network, ...], BeforeValidator(_list)] = ()
    """comma separated addresses and networks, `unix:` for the peers of a Unix socket: their
    `X-Forwarded-For`, `-Proto` and `-Host` count"""
    PRIVATE_ADDRESS: Annotated[PrivateAddress | None, BeforeValidator(_address)] = None
    """this host's IP address in the network of the hosts behind one balancer, `10.0.0.5` or
    `10.0.0.5:9100-9199`: requests for sessions of another host are handed to it there; unset: the
    balancer has to be sticky, or there is one host"""
    PING_INTERVAL: Seconds = 25
    """seconds between two pings of Engine.IO"""
    PING_TIMEOUT: Seconds = 20
    """seconds in which a ping has to be answered"""
    CONNECT_TIMEOUT: Seconds = 30
    """seconds from the handshake until the connect is accepted"""
    REQUEST_TIMEOUT: Seconds = 30
    """seconds for a request's body to come, or for an answer to be taken"""
    MAX_MESSAGE_BYTES: Limit = 65_536
    """of one message of a client, and of one request's body"""
    MAX_BACKLOG_BYTES: Limit = 1_048_576
    """that wait for one client; a slower one is closed, and comes back"""
    MAX_CONNECTIONS: Limit = USUAL_CONNECTIONS
    """of one process"""
    MAX_UNAUTHENTICATED_CONNECTIONS: Limit | None = None
    """besides those, of clients that are not accepted yet; unset: as many, for all the clients of a
    process may come back at once"""
    MAX_CONNECTIONS_PER_USER: Limit = 20
    """in one process"""
    MAX_CONNECTIONS_PER_ADDRESS: Limit = 0
    """in one process"""
    MAX_EVENTS_PER_SECOND: Limit = 50
    """of one client"""
    JOURNAL_KEEP_DAYS: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] = 7
    """days that an event stays in the journal, and a client's `pid` is good; 0: for ever"""
    RECOVERY_MAX_EVENTS: Limit = 1000
    """that a client may have missed to be recovered"""
    RECOVERY_MAX_BYTES: Limit = 16_777_216
    """of their payloads"""
    CANARY_SECONDS: Seconds = 5
    """between two events that a worker commits to measure the time until each process has fanned
    them out; 0: off"""
    LEDGER_SECONDS: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)] = 1
    """between two writes of a process into the ledger, which `trace` and the list of connections
    read, at most 60; 0: off"""
    METRICS_PORT: Port = 0
    """for `/metrics`, `/healthz` and `/readyz` of the web processes of a host, beside their own
    port; 0: off"""
    WORKER_PORT: Port = 0
    """the same of the background workers of a host; 0: off"""

    @property
    def unauthenticated_connections(self) -> int:
        """How many connections may be open that have not authenticated; 0 is no limit."""
        given = self.MAX_UNAUTHENTICATED_CONNECTIONS
        return (self.MAX_CONNECTIONS or USUAL_CONNECTIONS) if given is None else given

    @field_validator("REDIS_URL")
    @classmethod
    def _redis(cls, url: str) -> str:
        if not redis_url.is_good(url):
            raise ValueError(
                "expected redis://host:port/db, rediss://host:port/db"
                " or redis+sentinel://host:port,host:port/db/service"
            )
        return url

    @field_validator("JWT_SECRET_KEY")
    @classmethod
    def _secret(cls, text: str | None) -> str | None:
        return None if text is None else strong_secret(text)

    @field_validator("JWT_PUBLIC_KEY")
    @classmethod
    def _public_key(cls, text: str | None) -> str | None:
        if text is None:
            return None
        pem = text.replace("\\n", "\n")  # platforms that keep a variable on one line
        public_key(pem)
        return pem

    @field_validator("JWT_JWKS_URL")
    @classmethod
    def _key_set(cls, url: str | None, others: ValidationInfo) -> str | None:
        if url is None:
            return None
        if others.data.get("JWT_PUBLIC_KEY"):
            raise ValueError("JWT_PUBLIC_KEY is set too: one issuer at a time")
        if not _is_http(url):
            raise ValueError("expected http(s)://host/path, without a user or a password")
        return url

    @field_validator("JWT_ISSUER", "JWT_AUDIENCE")
    @classmethod
    def _checks_tokens(cls, value: Any, others: ValidationInfo) -> Any:
        """Without a key nothing is checked, whatever an operator expects of these."""
        keys = [others.data.get(name, "wrong") for name in TOKEN_KEYS]
        if value and not any(keys):
            raise ValueError(f"no token is verified without {', '.join(TOKEN_KEYS)}: set one")
        return value

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """The settings in `app.config`; a value of None or "" counts as unset. Raises
        ConfigError."""
        names = {name: f"{PREFIX}{name}" for name in cls.model_fields}
        given = {name: config[key] for name, key in names.items() if is_set(config.get(key))}
        return cls.checked(given, prefix=PREFIX)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """The settings in an environment, for what runs before there is an `app.config`:
        `ORDERCAST_*`, or else `FLASK_ORDERCAST_*`, JSON where it can be read as that, as
        `app.config.from_prefixed_env()` does. Raises ConfigError."""
        given: dict[str, Any] = {}
        for name in cls.model_fields:
            text = environ.get(f"{PREFIX}{name}") or environ.get(f"FLASK_{PREFIX}{name}")
            if text:
                given[f"{PREFIX}{name}"] = _read_json(text)
        return cls.of(given)

    @classmethod
    def checked(cls, given: Mapping[str, Any], *, prefix: str = "") -> Self:
        """Settings of these values. Raises ConfigError, which names each with `prefix`."""
        try:
            return cls.model_validate(dict(given))
        except ValidationError as exc:
            complaints = (prefix + complaint(error) for error in exc.errors())
            raise ConfigError("; ".join(complaints)) from None

    def as_config(self) -> dict[str, Any]:
        """`ORDERCAST_*` for `app.config`, of those that were given: a default is no wish."""
        given = Settings.model_fields.keys() & self.model_fields_set
        return {f"{PREFIX}{name}": getattr(self, name) for name in given}


def _read_json(text: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    # Keep other values as text: `ORDERCAST_REDIS_PREFIX=7` is the prefix "7".
    return value if isinstance(value, str | list) else text


def is_set(value: Any) -> bool:
    return value is not None and value != ""


def complaint(error: Any) -> str:
    """One line that names a setting and says what is wrong with it."""
    name = error["loc"][0]
    if error["type"] == "missing":
        return f"{name} is not set" + (f": {MAKE_SECRET}" if name == "JWT_SECRET_KEY" else "")
    return f"{name} is wrong: {plain_words(error['msg'])}"
