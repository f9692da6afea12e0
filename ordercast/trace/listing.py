"""The connections of all processes, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nsmallest

import redis

from ordercast.broker import reason
from ordercast.errors import LedgerUnavailable
from ordercast.ledger import ConnectionRecord, LedgerReader, ProcessRecord

MAX_LIMIT = 1000  # connections of one page


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """`total`: how many connections there are in all. `following`: give it as `after` to get the
    next page; None: this is the last one."""

    connections: tuple[ConnectionRecord, ...]
    total: int
    following: str | None


def list_processes(reader: LedgerReader, now: datetime) -> list[ProcessRecord]:
    """The web processes that write. Raises LedgerUnavailable."""
    try:
        return [process for process in reader.processes() if process.is_heard(now)]
    except redis.RedisError as exc:
        raise LedgerUnavailable(f"Redis does not answer: {reason(exc)}") from exc


def list_connections(
    reader: LedgerReader,
    now: datetime,
    *,
    user: str | None,
    address: str | None,
    after: str | None,
    limit: int,
) -> ConnectionPage:
    """See Ordercast.connections."""
    if not 0 < limit <= MAX_LIMIT:
        raise ValueError(f"a page has 1 to {MAX_LIMIT} connections, not {limit}")
    place = None if after is None else _place_of(after)
    total = 0
    following: list[ConnectionRecord] = []
    try:
        for process in list_processes(reader, now):
            for one in _open(reader, process, user=user, address=address):
                total += 1
                if place is None or _place(one) > place:
                    following.append(one)
    except redis.RedisError as exc:
        raise LedgerUnavailable(f"Redis does not answer: {reason(exc)}") from exc
    page = nsmallest(limit, following, key=_place)
    has_more = len(following) > limit
    return ConnectionPage(tuple(page), total, _cursor(page[-1]) if has_more else None)


def _open(
    reader: LedgerReader, process: ProcessRecord, *, user: str | None, address: str | None
) -> Iterator[ConnectionRecord]:
    given = [one for one in (user, address) if one is not None]
    for one in reader.connections(process.name, having=given[:1]):
        is_meant = user in (None, one.user_id) and address in (None, one.address)
        if is_meant and one.ended is None:
            yield one


def _place(one: ConnectionRecord) -> tuple[datetime, str]:
    return one.since, one.sid


def _cursor(one: ConnectionRecord) -> str:
    return f"{round(one.since.timestamp() * 1000)}.{one.sid}"


def _place_of(cursor: str) -> tuple[datetime, str]:
    milliseconds, dot, sid = cursor.partition(".")
    if not (dot and milliseconds.isascii() and milliseconds.isdigit() and len(milliseconds) < 15):
        raise ValueError(f"no cursor: {cursor[:100]!r}")
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC), sid
