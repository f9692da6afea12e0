"""PostgreSQL sessions that end when their server does, and reach a server that can be written."""

import _socket
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DisconnectionError, InternalError

# A host that vanishes sends nothing: without these the kernel waits for a quarter of an hour, and
# for an answer for ever (libpq, section "Parameter Key Words"). Parameters in the URL come first.
CONNECTING: dict[str, Any] = {
    "connect_timeout": 5,  # seconds, for each host
    "keepalives": 1,
    "keepalives_idle": 5,  # seconds of silence before the first probe
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # ms without an acknowledgement of what was sent
}
ISOLATION = "READ COMMITTED"  # whatever the server's default: wait for row locks, repeat nothing
OPENED = "opened"  # in a pooled connection's info: monotonic seconds
REFUSED_ENCODING = "SQL_ASCII"
# Parameters that the server reports unasked since PostgreSQL 14 (protocol-async).
NOT_WRITABLE = ("in_hot_standby", "default_transaction_read_only")
RECONNECT_SECONDS = 1.0  # between two tries to find a server that can be written
FRESH_SECONDS = 1.0  # for which a session counts as good after an answer, unless it was closed


class PatientConnection(psycopg.Connection[Any]):
    """A session that is given up when the server has not answered a statement for
    `answer_seconds`: a stopped or hanging server keeps the connection alive and sends nothing."""

    answer_seconds: float | None = None  # None: as long as it takes, as a migration may
    answered_at = -FRESH_SECONDS  # monotonic seconds

    @property
    def is_fresh(self) -> bool:
        """Whether the server answered just now, and has sent and closed nothing since. No round
        trip: the kernel knows. A host that vanished in that second shows at the next statement."""
        if self.closed or time.monotonic() - self.answered_at >= FRESH_SECONDS:
            return False
        # Not gevent's socket, which would wait for the bytes.
        peer = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM, 0, self.pgconn.socket)
        try:
            peer.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            peer.detach()  # the descriptor stays libpq's
        return False  # its end, or a message that comes before it

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        most = self.answer_seconds if timeout is None else timeout
        started, before = time.monotonic(), self.pgconn.transaction_status
        try:
            wait_in_hub = None if timeout is not None else hub_wait()
            if wait_in_hub is None:
                result = super().wait(gen, interval, most)
            else:
                result = wait_in_hub(gen, self.pgconn, check_seconds=interval, most_seconds=most)
        except psycopg.OperationalError as exc:
            if timeout is not None or most is None or time.monotonic() - started < most:
                raise
            self.pgconn.finish()  # the statement may still run: no caller may use the session
            raise psycopg.OperationalError(f"no answer for {most:.0f} s") from exc
        # Between two transactions a generator may end without a word to the server.
        if not before == self.pgconn.transaction_status == TransactionStatus.IDLE:
            self.answered_at = time.monotonic()
        return result


@cache
def hub_wait() -> Callable[..., Any] | None:
    """How to wait where gevent patched the process; None elsewhere, where gevent is not loaded."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("select"):
        return None
    from ordercast.database import cooperation

    return cooperation.wait


def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> PatientConnection:
    return PatientConnection.connect(*arguments, **options)


def connect_args(url: URL, *, prepare: bool) -> dict[str, Any]:
    """The arguments of psycopg.connect() besides the URL."""
    chosen = {name: value for name, value in CONNECTING.items() if name not in url.query}
    if not prepare:
        chosen["prepare_threshold"] = None
    return {**chosen, "client_encoding": "utf8"}  # whatever encoding the server has


def ping_rarely(engine: Engine) -> None:
    """Ask the server before a session is reused only if it may be gone: a round trip for each
    transaction is a tenth of what the transaction costs."""
    dialect = engine.dialect
    usual = dialect.do_ping

    def ping(session: Any) -> bool:
        return (isinstance(session, PatientConnection) and session.is_fresh) or usual(session)

    dialect.do_ping = ping  # type: ignore[assignment,method-assign]


def on_connect(connection: psycopg.Connection[Any], record: Any) -> None:
    record.info[OPENED] = time.monotonic()
    if connection.info.parameter_status("server_encoding") == REFUSED_ENCODING:
        raise psycopg.OperationalError(
            f"the database has the encoding {REFUSED_ENCODING}, which keeps bytes and not text:"
            " make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


def require_writable(connection: Connection) -> None:
    """Raises InternalError, an outage, if the session's server has said that it takes no
    changes."""
    if not _is_writable(connection.connection.dbapi_connection):
        why = psycopg.errors.ReadOnlySqlTransaction("the server takes no changes any more")
        raise InternalError("", None, why)


def _is_writable(session: Any) -> bool:
    return all(session.info.parameter_status(name) != "on" for name in NOT_WRITABLE)


def on_checkout(connection: psycopg.Connection[Any], record: Any, _proxy: object) -> None:
    """Give up a session of a server that became a standby, or read-only, at most once a second:
    after a failover another server takes the writes, and reads here would be stale."""
    if time.monotonic() - record.info.get(OPENED, 0.0) < RECONNECT_SECONDS:
        return
    if not _is_writable(connection):
        raise DisconnectionError("the server cannot be written")
