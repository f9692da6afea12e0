"""docs/protocol.md, followed to the letter: each block of frames is played against the service.

What the client sends is sent as it stands there, with this session's token, pid and offset; what
the server answers must have the shape of what stands there, and the same values where they are
the point.
"""

import json
import re
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.harness.clients.raw import RawClient, raw_polling, raw_websocket
from tests.harness.people.person import Person
from tests.harness.processes.external import run_script
from tests.harness.processes.process import ROOT
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

DOCUMENT = (ROOT / "docs/protocol.md").read_text()
BLOCKS = dict(re.findall(r"^```(?:frames|json) ([a-z -]+)\n(.*?)^```$", DOCUMENT, re.M | re.S))


def packet(frame: str) -> tuple[str, Any]:
    """The digits in front, and the JSON behind them if there is any."""
    kind, body = re.fullmatch(r"(\d+)(.*)", frame).groups()  # type: ignore[union-attr]
    return kind, json.loads(body) if body else None


def shape(value: Any) -> Any:
    """The same with every text and number replaced by its type."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value)


def filled(value: Any, mine: dict[str, str]) -> Any:
    """The same with what is this session's in the place of what is cut short there."""
    if isinstance(value, list):
        return [filled(inner, mine) for inner in value]
    if isinstance(value, dict):
        return {
            key: inner if inner == "garbage" else mine.get(key, inner)
            for key, inner in value.items()
        }
    return value


def play(block: str, client: RawClient, **mine: str) -> list[Any]:
    """Send and hear what is in the block -> the bodies that were heard."""
    bodies = []
    for line in BLOCKS[block].splitlines():
        direction, frame = line[0], line[2:]
        kind, body = packet(frame)
        if direction == ">":
            client.say(kind + (json.dumps(filled(body, mine)) if body else ""))
            continue
        heard = client.hear()
        assert packet(heard)[0] == kind, f"{heard} is not {frame}"
        assert shape(packet(heard)[1]) == shape(body), f"{heard} is not like {frame}"
        if kind == "42":
            assert packet(heard)[1][0] == body[0]
        if kind == "44":
            assert packet(heard)[1] == body
        bodies.append(packet(heard)[1])
    return bodies


def test_a_client_that_follows_the_document_gets_what_it_says(
    service: Service, alice: Person, bob: Person
) -> None:
    tea = bob.offers(name="Assam, 250 g", stock=6, lowStockThreshold=5)
    room = f"seller:{bob.id}"
    with raw_websocket(service.url) as client:
        assert shape(client.opened) == shape(packet(BLOCKS["handshake"][2:].strip())[1])
        play("refused", client)
        [connected] = play("connect", client, token=bob.token)
        play("refresh", client, token=bob.token)

        order = alice.orders(tea)
        low, new = play("events", client)
        assert new[1] == order
        play("acknowledge", client)
        emits = [f"socketio.emit('hello', {what}, to='{room}')" for what in ("{'a': 1}", "'you'")]
        run_script(service.env["REDIS_URL"], *emits, f"socketio.emit('hello', None, to='{room}')")
        *_, without = play("ephemeral", client)
        assert without == ["hello", new[-1]]

    mine = {"token": bob.token, "pid": connected["pid"]}
    confirmed = bob.patch(f"/api/orders/{order['id']}/status", {"status": "confirmed"})
    wait_until(lambda: missed(alice, new[-1])["events"], "it has its position")
    with raw_websocket(service.url) as client:
        again, *events = play("recovered", client, **mine, offset=low[-1])
        assert again["pid"] == connected["pid"]
        assert again["sid"] != connected["sid"]
        assert [event[1] for event in events] == [order, confirmed]
        assert int(low[-1]) < int(events[0][-1]) < int(events[1][-1])
        assert events[0] == new
    with raw_websocket(service.url) as client:
        [anew] = play("not recovered", client, **mine, offset="9" * 18)
        assert anew["pid"] != connected["pid"]

        answer = alice.call("GET", f"/api/events?after={new[-1]}")
        assert shape(answer.json()) == shape(json.loads(BLOCKS["missed"]))
        assert int(answer.headers["X-Event-Offset"]) >= int(new[-1])

        bob.post("/api/auth/logout")
        play("good-bye", client)
        assert is_closed(client)


def missed(person: Person, offset: str) -> Any:
    return person.get(f"/api/events?after={offset}")


def is_closed(client: RawClient) -> bool:
    try:
        client.hear()
    except ConnectionClosed:
        return True
    return False


def test_the_same_holds_over_long_polling(service: Service, alice: Person, bob: Person) -> None:
    tea = bob.offers(name="Assam, 250 g", stock=6, lowStockThreshold=5)
    with raw_polling(service.url) as client:
        assert client.opened["upgrades"] == ["websocket"]
        play("refused", client)
        [connected] = play("connect", client, token=bob.token)
        order = alice.orders(tea)
        low, _ = play("events", client)
    confirmed = bob.patch(f"/api/orders/{order['id']}/status", {"status": "confirmed"})
    wait_until(lambda: len(missed(bob, low[-1])["events"]) == 2, "it has its position")
    with raw_polling(service.url) as client:
        mine = {"token": bob.token, "pid": connected["pid"], "offset": low[-1]}
        again, *events = play("recovered", client, **mine)
        assert again["pid"] == connected["pid"]
        assert events[-1][1] == confirmed


def test_without_an_offset_it_gets_everything_since_its_pid(
    service: Service, alice: Person, bob: Person
) -> None:
    tea = bob.offers(name="Assam, 250 g", stock=6, lowStockThreshold=5)
    with raw_websocket(service.url) as client:
        [connected] = play("connect", client, token=bob.token)
    alice.orders(tea)
    with raw_websocket(service.url) as client:
        client.say("40" + json.dumps({"token": bob.token, "pid": connected["pid"]}))
        assert packet(client.hear())[1]["pid"] == connected["pid"]
        play("events", client)


def test_snapshots_and_events_fit_together(service: Service, alice: Person, bob: Person) -> None:
    """Connect first, read second: an order in between is in the snapshot, among the events, or
    in both, and then the offsets tell."""
    tea = bob.offers(stock=100, lowStockThreshold=0)
    with raw_websocket(service.url) as client:
        play("connect", client, token=bob.token)
        early = alice.orders(tea)
        answer = bob.call("GET", "/api/orders")
        late = alice.orders(tea)
        events = [packet(client.hear())[1] for _ in range(2)]
    offset = int(answer.headers["X-Event-Offset"])
    orders = {order["id"]: order for order in answer.json()["orders"]}
    orders.update({data["id"]: data for _, data, at in events if int(at) > offset})
    assert orders == {early["id"]: early, late["id"]: late}


def test_every_block_of_the_document_is_played() -> None:
    played = set(re.findall(r"""(?:play\(|BLOCKS\[)"([a-z -]+)\"""", Path(__file__).read_text()))
    assert set(BLOCKS) == played
