"""The entries of the inbox that were refused: listed, tried again, deleted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis

from ordercast.broker import Broker, reason
from ordercast.errors import InboxUnavailable

TIMEOUT_SECONDS = 2.0
MAX_DATA_CHARACTERS = 2000  # that are shown of an entry's data
OWN_FIELDS = 4  # names and values at the end of a refused entry: entry, reason

# Move an entry back in one step: two callers cannot send it twice.
RETRY = """
local found = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if not found then return 0 end
local kept = {}
for i = 1, #found[2] - tonumber(ARGV[2]) do kept[i] = found[2][i] end
if #kept == 0 then return -1 end
redis.call('XADD', KEYS[1], '*', unpack(kept))
return redis.call('XDEL', KEYS[2], ARGV[1])
"""


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """`id` names it for retry() and delete(); `at`: when it was refused, by Redis' clock. The
    texts are as the sender wrote them, what is no UTF-8 replaced; `data` is cut off."""

    id: str
    at: datetime
    reason: str
    event: str | None
    to: str | None
    data: str | None


@dataclass(frozen=True, slots=True)
class RefusalPage:
    """`total`: how many there are in all. `following`: give it as `before` to get the next page;
    None: this is the last one."""

    entries: tuple[RefusedEntry, ...]
    total: int
    following: str | None


class Refusals:
    """Methods raise InboxUnavailable when Redis does not answer, and ValueError for what is no id
    of an entry."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def page(self, *, before: str | None, limit: int) -> RefusalPage:
        """The entry that was refused last comes first."""
        latest = "+" if before is None else f"({_id(before)}"
        with _told(), self._broker.connect(timeout=TIMEOUT_SECONDS) as client:
            total = client.xlen(self._broker.refused)
            found: Any = client.xrevrange(self._broker.refused, max=latest, count=limit + 1)
        entries = tuple(_read(*one) for one in found[:limit])
        return RefusalPage(entries, total, entries[-1].id if len(found) > limit else None)

    def find(self, id: str) -> RefusedEntry | None:
        """The entry with this id; None if it was tried again, or deleted."""
        name = _id(id)
        with _told(), self._broker.connect(timeout=TIMEOUT_SECONDS) as client:
            found: Any = client.xrange(self._broker.refused, min=name, max=name)
        return _read(*found[0]) if found else None

    def retry(self, id: str) -> bool:
        """Put the entry into the inbox again, with its fields -> whether there was one."""
        keys = (self._broker.inbox, self._broker.refused)
        with _told(), self._broker.connect(timeout=TIMEOUT_SECONDS) as client:
            moved: Any = client.eval(RETRY, len(keys), *keys, _id(id), OWN_FIELDS)
        return bool(moved == 1)

    def delete(self, id: str) -> bool:
        """Delete the entry -> whether there was one."""
        with _told(), self._broker.connect(timeout=TIMEOUT_SECONDS) as client:
            return bool(client.xdel(self._broker.refused, _id(id)))


def _id(text: str) -> str:
    """Raises ValueError."""
    milliseconds, dash, number = text.partition("-")
    parts = (milliseconds, number)
    if not dash or not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise ValueError(f"no entry's id: {text[:100]!r}")
    return text


def _read(id: bytes, fields: dict[bytes, bytes]) -> RefusedEntry:
    def text(name: bytes) -> str | None:
        value = fields.get(name)
        return None if value is None else value.decode(errors="backslashreplace")

    data = text(b"data")
    return RefusedEntry(
        id=id.decode(),
        at=datetime.fromtimestamp(int(id.partition(b"-")[0]) / 1000, UTC),
        reason=text(b"reason") or "",
        event=text(b"event"),
        to=text(b"to") or text(b"room"),
        data=None if data is None else data[:MAX_DATA_CHARACTERS],
    )


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as exc:
        raise InboxUnavailable(f"Redis does not answer: {reason(exc)}") from exc
