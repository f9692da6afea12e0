"""/api/events: what the caller's rooms got since an offset, for clients without recovery.

An answer may be large. It is weighed before it is read, read piece by piece as the client takes it,
and made of the texts that the journal holds.
"""

import time
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, current_app

from app.accounts.tokens import Identity
from app.db import db
from app.http.bodies import EventsAfter
from app.http.errors import AnswersFull
from app.http.in_flight import InFlight
from app.http.operation import operation
from app.metrics import ANSWERS_REFUSED
from ordercast import Wire, journal
from ordercast.journal import Entry, Head

blueprint = Blueprint("events", __name__, url_prefix="/api/events")

PIECE_BYTES = 524_288  # of data that is read and sent at once, unless a single event has more
UNLIMITED = 2**31 - 1


class MissedEvent(Wire):
    offset: str
    name: str
    data: dict[str, Any]


class MissedEvents(Wire):
    """`complete` false: too old, too many or too large. Then read snapshots again; `offset`
    continues."""

    events: list[MissedEvent]
    offset: str
    complete: bool


class Pruned(Exception):
    """The worker pruned what is being sent; the answer breaks off, and its client asks again."""


@blueprint.get("")
@operation(
    "What I missed since an offset.",
    query=EventsAfter,
    answer=MissedEvents,
    errors=(AnswersFull,),
)
def list_events(caller: Identity, query: EventsAfter) -> dict[str, Any] | Response:
    """?after={offset} -> 200 {events: [{offset, name, data}], offset, complete} | 503.

    Never a part presented as the whole: over RECOVERY_MAX_EVENTS or RECOVERY_MAX_BYTES, or from
    before the lowest position kept, the answer is empty and `complete` is false.
    """
    settings = current_app.config["SETTINGS"]
    limit = settings.RECOVERY_MAX_EVENTS or UNLIMITED
    # Read first: what comes after it belongs to the next call.
    head = journal.head()
    sizes: list[tuple[int, int]] = []
    complete = head.lowest - 1 <= query.after <= head.position
    if complete:
        sizes = journal.sizes(query.after, until=head.position, rooms=caller.rooms, limit=limit + 1)
        fits = sum(size for _, size in sizes) <= (settings.RECOVERY_MAX_BYTES or UNLIMITED)
        # Asked again: the worker may have pruned between the two reads.
        complete = len(sizes) <= limit and fits and not _is_pruned(query.after)
    if not (complete and sizes):
        return {"events": [], "offset": str(head.position), "complete": complete}
    return _answer(caller, query.after, sizes, head)


def _answer(caller: Identity, after: int, sizes: list[tuple[int, int]], head: Head) -> Response:
    ends, largest = _pieces(sizes)
    in_flight: InFlight = current_app.extensions["answers"]
    release = in_flight.take(largest, caller.user_id)
    if release is None:
        ANSWERS_REFUSED.inc()
        raise AnswersFull
    body = _body(caller, after, ends, head)
    try:
        first = [next(body)]  # before the status is sent: the database may be away
    except BaseException:
        release()
        raise
    if len(ends) == 1:
        first += body
        response = current_app.response_class(b"".join(first), mimetype="application/json")
    else:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        response = current_app.response_class(_rest(app, first, body), mimetype="application/json")
    response.call_on_close(release)
    return response


def _rest(app: Flask, first: list[bytes], body: Iterator[bytes]) -> Iterator[bytes]:
    """Each piece is made in a context of its own: a client that takes its time holds none."""
    yield first.pop()
    while True:
        with app.app_context():
            piece = next(body, None)
        if piece is None:
            return
        yield piece


def _pieces(sizes: list[tuple[int, int]]) -> tuple[list[int], int]:
    """The last position of each piece, and the bytes of the largest."""
    ends: list[int] = []
    size = largest = 0
    for position, more in sizes:
        if ends and size + more <= PIECE_BYTES:
            ends[-1] = position
            size += more
        else:
            ends.append(position)
            size = more
        largest = max(largest, size)
    return ends, largest


def _body(caller: Identity, after: int, ends: list[int], head: Head) -> Iterator[bytes]:
    """The text of the answer. Raises Pruned, and SQLAlchemyError."""
    text = '{"events":['
    comma = ""
    for end in ends:
        entries = journal.since(after, until=end, rooms=caller.rooms, limit=UNLIMITED)
        if _is_pruned(after):
            raise Pruned
        db.session.rollback()  # no connection is held while the client takes its time
        if entries:
            text += comma + ",".join(map(_event, entries))
            comma = ","
        after, entries = end, []
        yield text.encode()
        text = ""
        time.sleep(0)  # the others get their turn, also while the client takes all at once
    yield f'],"offset":"{head.position}","complete":true}}'.encode()


def _event(entry: Entry) -> str:
    name = orjson.dumps(entry.name).decode()
    return f'{{"offset":"{entry.position}","name":{name},"data":{entry.data}}}'


def _is_pruned(after: int) -> bool:
    return bool(journal.head().lowest - 1 > after)
