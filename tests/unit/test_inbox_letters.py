"""Reading an entry of the inbox: it is understood, or refused with a reason, and nothing else."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.events import EVENTS, MAX_ITEMS, MAX_SAFE_INTEGER
from ordercast.errors import Refused
from ordercast.events import MAX_EVENT_NAME_CHARACTERS, MAX_RECEIVER_CHARACTERS, Events
from ordercast.inbox.letters import Letter
from ordercast.inbox.letters import read as read_entry
from ordercast.inbox.sender import MAX_PAYLOAD_BYTES, MAX_SENDER_ID_CHARACTERS
from ordercast.payloads import JsonText, text_of

# The first text that is drawn on a machine makes its table of characters: seconds, once.
patient = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

PERSON = {"id": "7", "name": "Alice"}
ITEM = {"productId": "1", "name": "Tea", "quantity": 1, "unitPriceCents": 250}
STATUS = {"id": "3", "orderNumber": "OC-00000003", "status": "shipped"}
ORDER = {
    **STATUS,
    "user": PERSON,
    "seller": {"id": "8", "name": "Bob"},
    "items": [ITEM],
    "totalCents": 250,
    "currency": "EUR",
    "version": 1,
    "createdAt": "2026-01-02T03:04:05Z",
    "updatedAt": "2026-01-02T03:04:05Z",
    "expiresAt": None,
}
LOW = {"id": "1", "name": "Tea", "stock": 5}
NOTE = {"title": "Paid", "message": "Thank you", "type": "info"}
SUBJECTS = {
    **dict.fromkeys(("order:status", "order:placed", "order:new"), "order:3"),
    "inventory:low-stock": "product:1",
}
GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "order:status": ("user:7", STATUS),
    "order:placed": ("user:7", ORDER),
    "order:new": ("seller:7", ORDER),
    "inventory:low-stock": ("seller:7", LOW),
    "notification": ("user:7", NOTE),
}


def read(entry_id: str, fields: dict[bytes, bytes], events: Events = EVENTS) -> Letter:
    return read_entry(events, entry_id, fields)


def entry(payload: Any = NOTE, **fields: bytes) -> dict[bytes, bytes]:
    """The fields of a notification to 7, but for the changes."""
    data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    whole = {"event": b"notification", "to": b"7", "data": data, **fields}
    return {name.encode(): value for name, value in whole.items()}


def reason(fields: dict[bytes, bytes]) -> str:
    """Why the entry is refused."""
    with pytest.raises(Refused) as caught:
        read("1-1", fields)
    return str(caught.value)


def test_there_is_a_good_payload_of_every_event_here() -> None:
    assert GOOD.keys() == {event.event for event in EVENTS}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_entry_is_understood(name: str) -> None:
    room, payload = GOOD[name]
    letter = read("1-1", entry(payload, event=name.encode()))
    subject = SUBJECTS.get(name)
    assert letter == Letter("entry:1-1", room, name, text_of(payload), subject=subject)


def test_the_senders_id_is_the_key_and_cannot_meet_an_entrys() -> None:
    assert read("1-1", entry(id=b"payment-991")).key == "id:payment-991"
    assert read("1-1", entry(id=b"entry:1-1")).key != read("1-1", entry()).key


def test_keys_that_are_not_declared_are_left_out() -> None:
    assert read("1-1", entry({**NOTE, "secret": "x"})).payload == text_of(NOTE)


def test_fields_that_are_not_declared_are_ignored() -> None:
    assert read("1-1", entry(sender=b"billing")).payload == text_of(NOTE)


def test_numbers_are_good_ids() -> None:
    letter = read("1-1", entry({**LOW, "id": 1}, event=b"inventory:low-stock"))
    assert letter.payload == text_of(LOW)


@pytest.mark.parametrize("name", ["event", "to", "data"])
def test_a_missing_field_is_named(name: str) -> None:
    fields = entry()
    del fields[name.encode()]
    assert reason(fields) == f"missing: {name}"


def test_an_empty_entry_names_all_that_is_missing() -> None:
    assert reason({}) == "missing: event, to, data"


@pytest.mark.parametrize("name", ["event", "to", "id"])
def test_a_field_that_is_not_utf8_is_refused(name: str) -> None:
    assert reason(entry(**{name: b"\xff"})) == "a field is not UTF-8"


def test_an_unknown_event_is_refused_with_the_known_ones() -> None:
    said = reason(entry(event=b"order:gone"))
    assert "'order:gone'" in said
    assert all(name in said for name in GOOD)
    assert len(reason(entry(event=b"x" * 10_000))) < 500


@pytest.mark.parametrize(
    "receiver",
    [b"", b" \n", b"7\n", b"a\0", "7\u2028".encode(), b"7" * (MAX_RECEIVER_CHARACTERS + 1)],
)
def test_a_receiver_that_no_token_can_have_is_refused(receiver: bytes) -> None:
    assert "receiver's id" in reason(entry(to=receiver))


@pytest.mark.parametrize("key", [b"", b"\n", b"a\0b", b"k" * (MAX_SENDER_ID_CHARACTERS + 1)])
def test_an_id_that_cannot_be_one_is_refused(key: bytes) -> None:
    assert "`id` has 1 to" in reason(entry(id=key))


def test_the_longest_receiver_and_id_are_good() -> None:
    letter = read(
        "1-1", entry(to=b"7" * MAX_RECEIVER_CHARACTERS, id="ü".encode() * MAX_SENDER_ID_CHARACTERS)
    )
    assert letter.room == f"user:{'7' * MAX_RECEIVER_CHARACTERS}"
    assert letter.key == f"id:{'ü' * MAX_SENDER_ID_CHARACTERS}"


def test_data_that_is_too_large_is_refused_unread() -> None:
    assert (
        reason(entry(b"{" * (MAX_PAYLOAD_BYTES + 1)))
        == f"data is larger than {MAX_PAYLOAD_BYTES} bytes"
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"nul", b'{"a": NaN}', b"[" * 100_000, rb'{"title": "\ud800"}', b"1e999"],
)
def test_data_that_is_not_json_is_refused(data: bytes) -> None:
    assert reason(entry(data)).startswith("data is not JSON: ")


@pytest.mark.parametrize("data", [b"null", b"1", b'"text"', b"[]", b"true", b"[[]]"])
def test_data_that_is_not_an_object_is_refused(data: bytes) -> None:
    assert reason(entry(data)).startswith("notification: payload: ")


def test_every_wrong_key_is_named() -> None:
    said = reason(entry({"title": None, "message": ["x"]}))
    assert all(f"{key}: " in said for key in NOTE)


@pytest.mark.parametrize("stock", [-1, 1.5, "many", None, MAX_SAFE_INTEGER + 1, 2**63, 1e30])
def test_a_stock_that_is_no_whole_number_of_javascripts_is_refused(stock: Any) -> None:
    assert "stock: " in reason(entry({**LOW, "stock": stock}, event=b"inventory:low-stock"))


@pytest.mark.parametrize("stock", [b'"99999999999999999999999"', b"99999999999999999999999"])
def test_a_number_that_json_could_not_carry_on_is_refused(stock: bytes) -> None:
    # As text it is read with any number of digits, and writing it into the journal would fail for
    # ever, with everything behind it.
    data = b'{"id": "1", "name": "Tea", "stock": %s}' % stock
    assert "stock: " in reason(entry(data, event=b"inventory:low-stock"))


@pytest.mark.parametrize("key", ["totalCents", "version"])
def test_no_number_of_an_order_is_too_large_to_be_written(key: str) -> None:
    assert f"{key}: " in reason(entry({**ORDER, key: str(2**70)}, event=b"order:new"))


@pytest.mark.parametrize(
    "moment", ["yesterday", "2026-01-02T03:04:05", math.pi * 1e300, -1e18, "9999-12-31", {}]
)
def test_a_time_that_is_none_is_refused(moment: Any) -> None:
    assert "createdAt: " in reason(entry({**ORDER, "createdAt": moment}, event=b"order:new"))


def test_a_payload_of_nothing_but_mistakes_is_refused_with_a_short_reason() -> None:
    # A megabyte of empty items has a million mistakes: listing them took ten seconds and two
    # gigabytes of the worker.
    items = b"[%s{}]" % (b"{}," * 340_000)
    said = reason(entry(b'{"items": %s}' % items, event=b"order:new"))
    assert f"at most {MAX_ITEMS} items" in said
    few: dict[str, Any] = {**ORDER, "items": [{}] * MAX_ITEMS}
    assert len(reason(entry(few, event=b"order:new"))) < 2000


NOTHING_DECLARED = Events()


@pytest.mark.parametrize("data", [b'{ "a": [1] }', b"null", b'"text"', b"[]"])
def test_where_nothing_is_declared_the_room_stands_and_the_text_is_carried(data: bytes) -> None:
    fields = entry(data, event=b"parcel:moved", to=b"depot")
    letter = read("1-1", fields, NOTHING_DECLARED)
    assert letter == Letter("entry:1-1", "depot", "parcel:moved", JsonText(data.decode()))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"to": b"control"}, "the room 'control'"),
        ({"to": b""}, "a room has 1 to"),
        ({"event": b""}, "an event's name has 1 to"),
        ({"event": b"e" * (MAX_EVENT_NAME_CHARACTERS + 1)}, "an event's name has 1 to"),
        ({"event": b"disconnect"}, "no client receives"),
        ({"data": b"{"}, "data is not JSON"),
    ],
)
def test_where_nothing_is_declared_what_nobody_could_receive_is_refused(
    fields: dict[str, bytes], said: str
) -> None:
    with pytest.raises(Refused, match=said):
        read("1-1", entry(**fields), NOTHING_DECLARED)


def understood_or_refused(fields: dict[bytes, bytes]) -> None:
    """What the worker relies on: a letter that can be written, or a reason that can be kept."""
    try:
        letter = read("1-1", fields)
    except Refused as exc:
        said = str(exc).encode()
        assert said
        return
    assert letter.room.partition(":")[2]
    assert orjson.loads(letter.payload.text)


names = st.sampled_from([name.encode() for name in GOOD])


@patient
@given(
    st.dictionaries(
        st.sampled_from([b"event", b"to", b"data", b"id"]) | st.binary(max_size=9),
        names | st.binary(max_size=99) | st.text(max_size=99).map(lambda text: text.encode()),
        max_size=6,
    )
)
def test_no_bytes_at_all_make_it_raise_anything_else(fields: dict[bytes, bytes]) -> None:
    understood_or_refused(fields)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
odd = anything | st.integers().map(str) | st.datetimes(timezones=st.timezones()).map(str)


@patient
@given(name=st.sampled_from(sorted(GOOD)), data=st.data())
def test_no_value_in_a_good_payload_makes_it_raise_anything_else(
    name: str, data: st.DataObject
) -> None:
    payload = GOOD[name][1]
    wrong = data.draw(st.dictionaries(st.sampled_from(sorted(payload)), odd, min_size=1))
    understood_or_refused(entry({**payload, **wrong}, event=name.encode()))


@patient
@given(st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()))
@example("0001-01-01T00:00:00+14:00")  # before the first moment that UTC can name
@example("9999-12-31T23:59:59-12:00")  # after the last one
def test_no_time_makes_it_raise_anything_else(moment: str) -> None:
    understood_or_refused(entry({**ORDER, "createdAt": moment}, event=b"order:new"))
