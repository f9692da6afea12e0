"""/api/events: the events of the caller's rooms since an offset, for clients without recovery.

An answer may be large: its size is known before it is read, it is read in pieces as the client
takes them, and it joins payloads as the text that the journal holds.
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
from ordercast import Entry, Missed, Pruned, Wire

blueprint = Blueprint("events", __name__, url_prefix="/api/events")


class MissedEvent(Wire):
    offset: str
    name: str
    data: dict[str, Any]


class MissedEvents(Wire):
    """`complete` is false when the events are too old, too many or too large: read the snapshots
    again, and go on from `offset`."""

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

    All events or none: over RECOVERY_MAX_EVENTS or RECOVERY_MAX_BYTES, or from before the lowest
    position kept, `events` is empty and `complete` is false.
    """
    try:
        return _measured_and_read(caller, query.after)
    except Pruned:
        # The race: between the two, the worker pruned, or a database was restored. Measured again,
        # the offset is from before the lowest position kept.
        return _measured_and_read(caller, query.after)


def _measured_and_read(caller: Identity, after: int) -> dict[str, Any] | Response:
    missed = cast.missed(caller.rooms, after=after)
    if not len(missed):
        return {"events": [], "offset": missed.offset, "complete": missed.complete}
    return _answer(caller, missed)


def _answer(caller: Identity, missed: Missed) -> Response:
    in_flight: InFlight = current_app.extensions["answers"]
    release = in_flight.reserve(missed.largest_bytes, caller.user_id)
    if release is None:
        ANSWERS_REFUSED.inc()
        raise AnswersFull
    body = _body(missed)
    try:
        first = [next(body)]  # read before the status is sent: the database may be unavailable
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
    yield first.pop()  # popped, to free its memory while the client takes the rest
    yield from rest


def _body(missed: Missed) -> Iterator[bytes]:
    """The text of the answer, in pieces. Raises Pruned or SQLAlchemyError: the answer breaks off,
    and the client asks again."""
    text = '{"events":['
    comma = ""
    for entries in missed.pieces():
        if entries:
            text += comma + ",".join(map(_event, entries))
            comma = ","
        entries.clear()  # free the rows: only the text is held while the client takes it
        yield text.encode()
        text = ""
        time.sleep(0)  # yield to other greenlets, also when the client's socket never blocks
    yield f'],"offset":"{missed.offset}","complete":true}}'.encode()


def _event(entry: Entry) -> str:
    name = orjson.dumps(entry.name).decode()
    return f'{{"offset":"{entry.position}","name":{name},"data":{entry.data}}}'
