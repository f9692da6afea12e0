"""Socket.IO, protocol 5, on the wire, over both transports: the namespaces / and /custom of a real
server, which sends `auth` with what a client connected with, and its messages back.

`patient` pings so seldom that nothing here ends by a ping timeout.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.clients.wire import (
    CLOSE,
    MESSAGE,
    PING,
    PONG,
    SOCKET,
    Polling,
    WebSocket,
    websocket,
)
from tests.harness.processes.gunicorn import Gunicorn

NAMESPACES = ["/", "/custom"]
TEA, PDF = b"\x00tea\xff", b"%PDF"


class Client:
    """Speaks Socket.IO; bytes are bytes over both transports."""

    def __init__(self, engine: Polling | WebSocket) -> None:
        self._engine = engine

    def say(self, *parts: str | bytes) -> None:
        """A packet and its attachments."""
        for part in parts:
            if isinstance(part, str):
                self._engine.say(MESSAGE + part)
            elif isinstance(self._engine, Polling):
                self._engine.say("b" + b64encode(part).decode())
            else:
                self._engine.say(part)

    def hear(self) -> Any:
        heard = self._engine.hear()
        return heard[1:] if isinstance(heard, str) and heard[0] == MESSAGE else heard

    def attachment(self, expected: bytes) -> None:
        heard = self._engine.hear()
        polled = isinstance(self._engine, Polling)
        assert heard == ("b" + b64encode(expected).decode() if polled else expected)

    def connect(self, namespace: str = "/", auth: Any = None) -> str:
        """-> the sid there."""
        self.say("0" + at(namespace) + ("" if auth is None else json.dumps(auth)))
        heard = self.hear()
        assert heard.startswith("0" + at(namespace) + "{"), heard
        answer = json.loads(heard[1 + len(at(namespace)) :])
        assert answer.keys() == {"sid"}
        assert self.hear() == f"2{at(namespace)}" + compact(["auth", auth or {}])
        return str(answer["sid"])

    def is_at(self, namespace: str) -> bool:
        """Whether it is answered there."""
        self.say(f'2{at(namespace)}["message",1]')
        return bool(self.hear() == f'2{at(namespace)}["message-back",1]')

    def wait_for_end(self) -> list[Any]:
        return self._engine.wait_for_end()


def at(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"


def compact(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"))


@pytest.fixture(params=["polling", "websocket"])
def client(request: pytest.FixtureRequest, patient: Gunicorn) -> Iterator[Client]:
    if request.param == "websocket":
        with websocket(patient.port, SOCKET) as engine:
            yield Client(engine)
    else:
        polling = Polling(patient.port, SOCKET)
        yield Client(polling)
        polling.post(CLOSE)


# Namespaces.


@pytest.mark.parametrize("auth", [None, {}, {"token": "123", "deep": [{"er": None}]}])
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_client_connects_with_what_it_has(client: Client, namespace: str, auth: Any) -> None:
    client.connect(namespace, auth)
    assert client.is_at(namespace)


def test_one_connection_serves_several_namespaces(client: Client) -> None:
    sids = {client.connect(namespace) for namespace in NAMESPACES}
    assert len(sids) == 2
    assert all(client.is_at(namespace) for namespace in NAMESPACES)


@pytest.mark.parametrize("namespace", ["/nowhere", "/custom/inner", "/Custom"])
def test_a_namespace_that_is_not_there_is_refused(client: Client, namespace: str) -> None:
    client.say(f"0{namespace},")
    assert client.hear() == f"4{namespace}," + '{"message":"Invalid namespace"}'
    client.connect()
    assert client.is_at("/")


def test_a_query_behind_a_namespace_is_not_its_name(client: Client) -> None:
    client.say("0/custom?token=123,")
    assert client.hear().startswith("0/custom,{")


def test_who_does_not_connect_in_time_is_closed_and_who_did_stays(curious: Gunicorn) -> None:
    with websocket(curious.port, SOCKET) as client, websocket(curious.port, SOCKET) as silent:
        client.say("40")
        while (packet := silent.hear()) != CLOSE:
            assert packet == PING
            silent.say(PONG)  # it answers, and says nothing else
        assert silent.wait_for_end() == []
        # The other opened earlier, and has heard the answer, and pings.
        client.say('42["message","still here"]')
        while not (packet := client.hear()).startswith('42["message'):
            assert packet == PING or packet.startswith(("40{", '42["auth'))
        assert packet == '42["message-back","still here"]'


def test_who_was_refused_has_not_connected(curious: Gunicorn) -> None:
    with websocket(curious.port, SOCKET) as client:
        client.say("40/nowhere,")
        heard = []
        while (packet := client.hear()) != CLOSE:
            heard.append(packet)
            if packet == PING:
                client.say(PONG)
        assert [one for one in heard if one != PING] == [
            '44/nowhere,{"message":"Invalid namespace"}'
        ]


# Leaving.


def test_who_leaves_a_namespace_is_not_answered_there(client: Client) -> None:
    client.connect("/custom")
    client.connect("/")
    client.say("1/custom,")
    client.say('2/custom,["message","anybody?"]')
    assert client.is_at("/")  # the next thing heard: nothing came from the other


def test_who_leaves_the_main_namespace_keeps_the_other(client: Client) -> None:
    client.connect("/custom")
    client.connect("/")
    client.say("1")
    client.say('2["message","anybody?"]')
    assert client.is_at("/custom")


def test_who_left_may_come_back(client: Client) -> None:
    first = client.connect()
    client.say("1")
    assert client.connect() != first
    assert client.is_at("/")


# Messages.


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_arguments_come_back_as_they_were(client: Client, namespace: str) -> None:
    client.connect(namespace)
    halves = {"\ud83d": "tea \ud83d"}  # what a text that was cut ends with
    arguments = [1, -1.5, "2", "\u00fc\u2028\U0001f375", None, True, {"a": [{}]}, [[], ""], halves]
    client.say("2" + at(namespace) + json.dumps(["message", *arguments]))
    heard = client.hear()
    assert heard.startswith("2" + at(namespace) + "[")
    assert json.loads(heard[1 + len(at(namespace)) :]) == ["message-back", *arguments]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_attachments_come_back_in_their_places(client: Client, namespace: str) -> None:
    client.connect(namespace)
    first, second = ({"_placeholder": True, "num": number} for number in range(2))
    data = json.dumps(["message", {"files": [second, "x", first]}])
    client.say(f"52-{at(namespace)}{data}", TEA, PDF)
    # Numbered anew, in the order in which they stand.
    assert client.hear() == f"52-{at(namespace)}" + compact(
        ["message-back", {"files": [first, "x", second]}]
    )
    client.attachment(PDF)
    client.attachment(TEA)
    assert client.is_at(namespace)


def test_a_binary_event_may_have_no_attachment(client: Client) -> None:
    client.connect()
    client.say('50-["message",1]')
    assert client.hear() == '2["message-back",1]'


@pytest.mark.parametrize("id", ["0", "456", "9" * 15])
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_message_is_acknowledged_with_its_id(client: Client, namespace: str, id: str) -> None:
    client.connect(namespace)
    client.say(f'2{at(namespace)}{id}["message-with-ack",1,"2",{{"3":[null]}}]')
    assert client.hear() == f'3{at(namespace)}{id}[1,"2",{{"3":[null]}}]'


def test_an_acknowledgement_may_hold_bytes(client: Client) -> None:
    client.connect()
    placeholder = {"_placeholder": True, "num": 0}
    client.say("51-7" + json.dumps(["message-with-ack", "x", placeholder]), TEA)
    assert client.hear() == "61-7" + compact(["x", placeholder])
    client.attachment(TEA)


def test_an_acknowledgement_that_nobody_waits_for_is_nothing(client: Client) -> None:
    client.connect()
    client.say("3123[]")
    client.say("3/custom,1[]")
    assert client.is_at("/")


def test_an_event_that_nobody_handles_is_nothing(client: Client) -> None:
    client.connect()
    client.say('2["whatever",1]')
    assert client.is_at("/")


# What closes the connection.

MALFORMED = {
    "no type": "",
    "a type that is no number": "x",
    "a type that there is not": "7",
    "a connect error": '4{"message":"no, you"}',
    "an event without a name": "2[]",
    "an event that is an object": "2{}",
    "an event without data": "2",
    "an event whose name is a number": '2[1,"a"]',
    "an event whose name is an object": '2[{"message":1}]',
    "JSON that is cut": '2["message",',
    "JSON with more behind it": '2["message"]]',
    "no JSON": "2abc",
    "an id that is none": '2abc["message"]',
    "an id without end": "2" + "1" * 101 + '["message"]',
    "a reserved name: connect": '2["connect"]',
    "a reserved name: disconnect": '2["disconnect","transport close"]',
    "a reserved name: connect_error": '2["connect_error"]',
    "a reserved name: newListener": '2["newListener"]',
    "a connect with a text": '0"token"',
    "a connect with an array": '0["token"]',
    "a connect twice": "0",
    "a disconnect with data": '1{"why":"not"}',
    "an acknowledgement without an id": "3[]",
    "an acknowledgement that is an object": "31{}",
    "an acknowledgement without data": "31",
    "more attachments than a message may have": '511-["message"]',
    "more attachments than can be counted": "5" + "9" * 11 + '-["message"]',
    "JSON that is too deep": '2["message",' + "[" * 100_000 + "]" * 100_000 + "]",
    "attachments of an event that has none": '21-["message"]',
    "a connect with attachments": '01-/custom,{"token":1}',
}


@pytest.mark.parametrize("packet", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_packet_closes_the_connection(client: Client, packet: str) -> None:
    client.connect()
    client.say(packet)
    assert client.wait_for_end() == [CLOSE]


def test_bytes_that_belong_to_nothing_close_the_connection(client: Client) -> None:
    client.connect()
    client.say(TEA)
    assert client.wait_for_end() == [CLOSE]


def test_a_text_in_the_place_of_bytes_closes_the_connection(client: Client) -> None:
    client.connect()
    client.say('51-["message",{"_placeholder":true,"num":0}]', '2["message"]')
    assert client.wait_for_end() == [CLOSE]


@pytest.mark.parametrize("number", ["1", '"0"', "null", "0.5", "[]", "-1"])
def test_a_placeholder_of_no_attachment_closes_the_connection(client: Client, number: str) -> None:
    client.connect()
    client.say(f'51-["message",{{"_placeholder":true,"num":{number}}}]', TEA)
    assert client.wait_for_end() == [CLOSE]


def test_placeholders_that_are_too_deep_close_the_connection(client: Client) -> None:
    client.connect()
    deep = "[" * 700 + '{"_placeholder":true,"num":0}' + "]" * 700
    client.say(f'51-["message",{deep}]', TEA)
    assert client.wait_for_end() == [CLOSE]


def test_a_malformed_packet_before_any_connect_closes_the_connection(client: Client) -> None:
    client.say("2abc")
    assert client.wait_for_end() == [CLOSE]


def test_nothing_behind_a_malformed_packet_is_handled(patient: Gunicorn) -> None:
    polling = Polling(patient.port, SOCKET)
    Client(polling).connect()
    polling.post('42["message",1]', "4abc", '42["message",2]')
    assert polling.wait_for_end() == ['42["message-back",1]', CLOSE]
