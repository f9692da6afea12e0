"""Redis, which passes messages between processes: connecting, and this service's names in it.

Every call may fail; the database is the truth, so a failure costs time and loses nothing.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from ordercast.redis_url import is_sentinel, redis_database, sentinels
from ordercast.settings import Settings

PREFIX = "ordercast"
QUEUE_CHANNEL = "flask-socketio"  # Flask-SocketIO's own default: stock external emits arrive here
TIMEOUT_SECONDS = 0.5  # the longest wait of a caller for a silent Redis
SENTINEL_SECONDS = 0.5  # before the next Sentinel is asked, also with a longer timeout
MAX_REDIS_ERROR_CHARACTERS = 300
MAX_SENTINEL_ERROR_CHARACTERS = 70  # of one Sentinel's answer

Redis = redis.Redis


@dataclass(frozen=True)
class Broker:
    """One Redis database, and the names in it: keys and channels begin with `prefix`. Channels
    also hold the database's number, which Redis' publish and subscribe ignore
    (https://redis.io/docs/latest/develop/pubsub/#database--scoping)."""

    url: str
    prefix: str = PREFIX
    queue_channel: str = QUEUE_CHANNEL

    @classmethod
    def of(cls, settings: Settings) -> "Broker":
        return cls(settings.REDIS_URL, settings.REDIS_PREFIX, settings.QUEUE_CHANNEL)

    def connect(self, *, timeout: float = TIMEOUT_SECONDS) -> Redis:
        """A client; see connect()."""
        return connect(self.url, timeout=timeout)

    @property
    def journal_channel(self) -> str:
        """Sequenced events and the journal's head, from the workers to the web processes."""
        return f"{self.prefix}:{redis_database(self.url)}:journal"

    @property
    def doorbell_channel(self) -> str:
        """Rings after a commit, from any process to the workers."""
        return f"{self.prefix}:{redis_database(self.url)}:doorbell"

    @property
    def relay_channel(self) -> str:
        """Carries nothing: its listeners are the workers that hear the queue, to be counted."""
        return f"{self.prefix}:{redis_database(self.url)}:relay"

    @property
    def census_channel(self) -> str:
        """Questions how many connections a revocation hits, from a command to the web processes."""
        return f"{self.prefix}:{redis_database(self.url)}:census"

    def census(self, question: str) -> str:
        """The key of the list with the answers to a question."""
        return f"{self.prefix}:census:{question}"

    @property
    def roll_channel(self) -> str:
        """Questions which processes there are, from a command to the web processes and workers."""
        return f"{self.prefix}:{redis_database(self.url)}:roll"

    def roll(self, question: str) -> str:
        """The key of the list with the answers to a roll call."""
        return f"{self.prefix}:roll:{question}"

    @property
    def hosts(self) -> str:
        """The key of the sorted set of web processes, and where they are."""
        return f"{self.prefix}:hosts"

    @property
    def ledger(self) -> str:
        """The key of the hash of web processes, and how far each has come."""
        return f"{self.prefix}:ledger"

    def ledger_connections(self, process: str) -> str:
        """The key of the hash of a process's connections, by sid."""
        return f"{self.prefix}:ledger:{process}:connections"

    def ledger_marks(self, process: str) -> str:
        """The key of the list of the times at which a process came to a position."""
        return f"{self.prefix}:ledger:{process}:marks"

    def ledger_batches(self, journal: str) -> str:
        """The key of the stream of the batches that were sequenced, by their last position."""
        return f"{self.prefix}:ledger:batches:{journal}"

    @property
    def probe(self) -> str:
        """The key that a check of readiness writes."""
        return f"{self.prefix}:probe"

    @property
    def inbox(self) -> str:
        """The key of the stream of events from external processes."""
        return f"{self.prefix}:inbox"

    @property
    def inbox_lease(self) -> str:
        """The key that names the worker which drains the inbox."""
        return f"{self.prefix}:inbox:lease"

    @property
    def refused(self) -> str:
        """The key of the stream of refused entries, each with the reason."""
        return f"{self.prefix}:inbox:refused"


def connect(url: str, *, timeout: float = TIMEOUT_SECONDS) -> Redis:
    """A client for redis://, rediss:// or redis+sentinel://host:port,host:port/db/service.

    Lazy: the first command connects. Commands raise redis.RedisError, `timeout` seconds at the
    latest for each attempt, and are never retried behind the caller's back.
    """
    options = _options(timeout)
    if not is_sentinel(url):
        return Redis.from_url(url, **options)
    named = sentinels(url)
    credentials = {"username": named.username, "password": named.password}
    options |= {key: unquote(value) for key, value in credentials.items() if value}
    asking = _options(min(timeout, SENTINEL_SECONDS)) | named.credentials
    sentinel = PatientSentinel(named.hosts, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    client: Redis = sentinel.master_for(named.service, db=named.database, **options)  # type: ignore[no-untyped-call]
    return client


def _options(timeout: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": None,
        "retry_on_error": [],
    }


class PatientSentinel(Sentinel):
    """Asks the next Sentinel after any error, and reports each answer in a few words: redis-py
    stops at an answer like NOPERM, and prints whole client objects."""

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Raises redis.sentinel.MasterNotFoundError."""
        answers = []
        for number, client in enumerate(self.sentinels):
            given = client.connection_pool.connection_kwargs
            try:
                masters: Any = client.sentinel_masters()
            except redis.RedisError as exc:
                answers.append(
                    f"{given['host']}:{given['port']}: {reason(exc, MAX_SENTINEL_ERROR_CHARACTERS)}"
                )
                continue
            state = masters.get(service_name)
            if state and self.check_master_state(state, service_name):  # type: ignore[no-untyped-call]
                # The next question goes to the Sentinel that answered.
                self.sentinels[0], self.sentinels[number] = client, self.sentinels[0]
                return state["ip"], state["port"]
            answers.append(f"{given['host']}:{given['port']}: knows no such master that is up")
        raise MasterNotFoundError(
            f"no Sentinel names a master for {service_name!r} ({'; '.join(answers)})"
        )


def reason(error: Exception, longest: int = MAX_REDIS_ERROR_CHARACTERS) -> str:
    """The text of a Redis error on one line, for a log, a command or a page."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
