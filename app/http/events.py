"""/api/events: what the caller's rooms got since an offset, for clients without recovery.

An answer may be large. It is weighed before it is read, read piece by piece as the client takes it,
and made of the texts that the journal holds.
"""

import time
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Blueprint, Response, current_app

from app.accounts.tokens import Identity
from app.extension import cast
from app.http.bodies import EventsAfter
from app.http.errors import AnswersFull
from app.http.in_flight import InFlight
from app.http.operation import operation
from app.metrics import ANSWERS_REFUSED
from ordercast import Entry, Missed, Wire

blueprint = Blueprint("events", __name__, url_prefix="/api/events")


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
    missed = cast.missed(caller.rooms, after=query.after)
    if not len(missed):
        return {"events": [], "offset": missed.offset, "complete": missed.complete}
    return _answer(caller, missed)


def _answer(caller: Identity, missed: Missed) -> Response:
    in_flight: InFlight = current_app.extensions["answers"]
    release = in_flight.take(missed.largest_bytes, caller.user_id)
    if release is None:
        ANSWERS_REFUSED.inc()
        raise AnswersFull
    body = _body(missed)
    try:
        first = [next(body)]  # before the status is sent: the database may be unavailable
    except BaseException:
        release()
        raise
    if len(missed) == 1:
        first += body
        response = current_app.response_class(b"".join(first), mimetype="application/json")
    else:
        response = current_app.response_class(_all(first, body), mimetype="application/json")
    response.call_on_close(release)
    return response


def _all(first: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first.pop()  # and not kept while the rest is taken
    yield from rest


def _body(missed: Missed) -> Iterator[bytes]:
    """The text of the answer. Raises Pruned, and SQLAlchemyError: the answer breaks off, and its
    client asks again."""
    text = '{"events":['
    comma = ""
    for entries in missed.pieces():
        if entries:
            text += comma + ",".join(map(_event, entries))
            comma = ","
        entries.clear()  # the text alone is kept while the client takes its time
        yield text.encode()
        text = ""
        time.sleep(0)  # others get their turn, also while the client takes all at once
    yield f'],"offset":"{missed.offset}","complete":true}}'.encode()


def _event(entry: Entry) -> str:
    name = orjson.dumps(entry.name).decode()
    return f'{{"offset":"{entry.position}","name":{name},"data":{entry.data}}}'
