"""Engine.IO, protocol 4, on the wire: /engine.io/ of a real server, which echoes every message.

`patient` pings so seldom that nothing here ends by a ping timeout; where that is the point, it is
`quick`, and `curious` asks often.
"""

import gzip
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.clients.frames import client_frame
from tests.harness.clients.wire import (
    CLOSE,
    ENGINE,
    MESSAGE,
    NOOP,
    PING,
    PONG,
    UPGRADE,
    Answer,
    Polling,
    Request,
    close_code,
    connected,
    probing,
    query,
    refused,
    upgrade,
    wait_for_end,
    websocket,
)
from tests.harness.processes.gunicorn import Gunicorn

BYTES = bytes(range(256))

TRANSPORT_UNKNOWN = {"code": 0, "message": "Transport unknown"}
SESSION_UNKNOWN = {"code": 1, "message": "Session ID unknown"}
BAD_METHOD = {"code": 2, "message": "Bad handshake method"}
BAD_REQUEST = {"code": 3, "message": "Bad request"}
UNSUPPORTED = {"code": 5, "message": "Unsupported protocol version"}

# Queries that open nothing, and why; "*" is the transport that is tried.
WRONG = [
    ({"transport": "*"}, UNSUPPORTED),
    ({"EIO": "", "transport": "*"}, UNSUPPORTED),
    ({"EIO": "3", "transport": "*"}, UNSUPPORTED),
    ({"EIO": "4.0", "transport": "*"}, UNSUPPORTED),
    ({"EIO": "four", "transport": "*"}, UNSUPPORTED),
    ({"EIO": "4"}, TRANSPORT_UNKNOWN),
    ({"EIO": "4", "transport": ""}, TRANSPORT_UNKNOWN),
    ({"EIO": "4", "transport": "pigeon"}, TRANSPORT_UNKNOWN),
    ({"EIO": "4", "transport": "*", "sid": "nobody"}, SESSION_UNKNOWN),
]
MALFORMED = ["", "7", "x", PING, UPGRADE, "0{}", "4\x1e", "b%%%", "b\u00e9", "bYQ"]


def get(server: Gunicorn, method: str = "GET", *lines: str, **parameters: str) -> Answer:
    return Request(server.port, method, f"{ENGINE}?{query(**parameters)}", b"", *lines).answer()


# The handshake.


def test_a_session_over_polling_opens_with_what_a_client_must_know(quick: Gunicorn) -> None:
    opened = Polling(quick.port).opened
    assert opened.pop("sid")
    assert opened == {
        "upgrades": ["websocket"],
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 1_000_000,
    }


def test_a_session_over_a_websocket_opens_with_the_same_and_no_upgrade(quick: Gunicorn) -> None:
    with websocket(quick.port) as client:
        opened = client.opened
    assert opened.pop("sid")
    assert opened == {
        "upgrades": [],
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 1_000_000,
    }


def test_two_sessions_have_two_ids(patient: Gunicorn) -> None:
    one, other = Polling(patient.port), Polling(patient.port)
    assert one.sid != other.sid
    for client in (one, other):
        client.say(CLOSE)


@pytest.mark.parametrize(("wrong", "error"), WRONG)
def test_a_wrong_query_opens_nothing_over_polling(
    patient: Gunicorn, wrong: dict[str, str], error: Any
) -> None:
    wrong = {name: value.replace("*", "polling") for name, value in wrong.items()}
    answer = get(patient, **wrong)
    assert (answer.status, answer.json()) == (400, error)
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("wrong", "error"), WRONG)
def test_a_wrong_query_opens_nothing_over_a_websocket(
    patient: Gunicorn, wrong: dict[str, str], error: Any
) -> None:
    wrong = {name: value.replace("*", "websocket") for name, value in wrong.items()}
    answer = refused(patient.port, ENGINE, **wrong)
    assert (answer.status, answer.json()) == (400, error)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD"])
def test_a_session_is_opened_with_get_only(patient: Gunicorn, method: str) -> None:
    answer = get(patient, method, EIO="4", transport="polling")
    assert answer.status == 400
    assert method == "HEAD" or answer.json() == BAD_METHOD


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_session_takes_get_and_post_only(patient: Gunicorn, method: str) -> None:
    client = Polling(patient.port)
    answer = get(patient, method, EIO="4", transport="polling", sid=client.sid)
    assert (answer.status, answer.json()) == (400, BAD_METHOD)
    client.say(MESSAGE + "still here")
    assert client.hear() == MESSAGE + "still here"
    client.say(CLOSE)


def test_a_page_of_another_origin_may_ask_what_it_may(patient: Gunicorn) -> None:
    answer = get(patient, "OPTIONS", "Origin: http://shop.example", transport="polling")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "http://shop.example"


# Messages over long-polling.


def test_a_text_goes_there_and_back(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    answer = client.post(MESSAGE + "tea, \u00fcber \U0001f375")
    assert (answer.status, answer.body) == (200, b"ok")
    answer = client.poll()
    assert answer.packets == [MESSAGE + "tea, \u00fcber \U0001f375"]
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    client.say(CLOSE)


@pytest.mark.parametrize(
    ("welcome", "coding"),
    [("gzip", "gzip"), ("GZIP;q=0.5", "gzip"), ("*", "gzip"), ("gzip;q=0", None), ("*;q=0", None)],
)
def test_a_large_answer_has_the_coding_that_the_client_asks_for(
    patient: Gunicorn, welcome: str, coding: str | None
) -> None:
    client = Polling(patient.port)
    client.say(MESSAGE + "x" * 5_000)
    answer = client.poll(f"Accept-Encoding: {welcome}")
    assert answer.headers.get("content-encoding") == coding
    body = answer.body if coding is None else gzip.decompress(answer.body)
    assert body.decode() == MESSAGE + "x" * 5_000
    client.say(CLOSE)


def test_several_packets_in_one_payload_keep_their_order(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    packets = [f"{MESSAGE}{number}" for number in range(20)]
    assert client.post(*packets).body == b"ok"
    assert [client.hear() for _ in packets] == packets
    client.say(CLOSE)


def test_text_and_bytes_share_a_payload(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    encoded = "b" + b64encode(BYTES).decode()
    client.post(MESSAGE + "before", encoded, MESSAGE, "b")
    heard = [client.hear() for _ in range(4)]
    assert heard == [MESSAGE + "before", encoded, MESSAGE, "b"]
    client.say(CLOSE)


def test_what_waits_comes_with_the_next_poll(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    pending = client.begin_poll()
    client.say(MESSAGE + "1")
    assert pending.answer().packets == [MESSAGE + "1"]
    client.say(MESSAGE + "2")
    client.say(MESSAGE + "3")
    assert [client.hear(), client.hear()] == [MESSAGE + "2", MESSAGE + "3"]
    client.say(CLOSE)


@pytest.mark.parametrize("body", MALFORMED)
def test_a_payload_that_is_none_ends_the_session(patient: Gunicorn, body: str) -> None:
    client = Polling(patient.port)
    answer = client.post_body(body.encode(), *(["Content-Length: 0"] if not body else []))
    assert (answer.status, answer.json()) == (400, BAD_REQUEST)
    answer = client.poll()
    assert (answer.status, answer.json()) == (400, SESSION_UNKNOWN)


def test_a_payload_that_is_not_utf8_ends_the_session(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    assert client.post_body(b"4\xff").json() == BAD_REQUEST
    assert client.poll().json() == SESSION_UNKNOWN


def test_a_payload_that_is_too_large_is_refused(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    largest = MESSAGE + "x" * 999_999
    assert client.post(largest).body == b"ok"
    assert client.hear() == largest
    assert client.post(largest + "x").status == 413
    client.say(CLOSE)


def test_two_polls_at_once_end_the_session(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    polls = [client.begin_poll(), client.begin_poll()]
    answers = sorted(poll.answer() for poll in polls)
    assert answers[0].packets == [CLOSE]
    assert answers[1].status == 400
    assert client.poll().json() == SESSION_UNKNOWN


def test_a_poll_that_is_given_up_ends_the_session(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    client.begin_poll().give_up()
    wait_for_end(client)
    assert client.poll().json() == SESSION_UNKNOWN


# Messages over a WebSocket.


def test_texts_and_bytes_go_there_and_back_over_a_websocket(patient: Gunicorn) -> None:
    with websocket(patient.port) as client:
        for packet in (MESSAGE + "tea", BYTES, MESSAGE, b"", MESSAGE + "x" * 999_999):
            client.say(packet)
            assert client.hear() == packet


def test_a_message_in_fragments_is_one(patient: Gunicorn) -> None:
    with websocket(patient.port) as client:
        client.connection.send([MESSAGE, "t", "e", "a"])
        assert client.hear() == MESSAGE + "tea"


@pytest.mark.parametrize("packet", ["", "7", "x", PING, UPGRADE, "0{}", "bYQ=="])
def test_a_packet_that_is_none_ends_the_session(patient: Gunicorn, packet: str) -> None:
    with websocket(patient.port) as client:
        client.say(packet)
        assert client.wait_for_end() == [CLOSE]
        assert close_code(client.connection) == 1007
        assert get(patient, EIO="4", transport="polling", sid=client.sid).json() == SESSION_UNKNOWN


def test_a_frame_that_breaks_the_rules_says_which(patient: Gunicorn) -> None:
    with websocket(patient.port) as client:
        client.connection.socket.sendall(client_frame(1, b"4tea", key=None))
        assert client.wait_for_end() == []
        assert close_code(client.connection) == 1002


def test_a_message_over_the_limit_is_refused_with_a_code(patient: Gunicorn) -> None:
    with websocket(patient.port) as client:
        client.say(MESSAGE + "x" * 1_000_000)
        assert client.wait_for_end() == []
        assert close_code(client.connection) == 1009


# The heartbeat.


def test_who_answers_the_pings_stays_over_polling(curious: Gunicorn) -> None:
    client = Polling(curious.port)
    for _ in range(4):
        assert client.poll().packets == [PING]
        client.say(PONG)
    client.say(CLOSE)


def test_who_does_not_is_gone_over_polling(quick: Gunicorn) -> None:
    client = Polling(quick.port)
    heard = client.wait_for_end()
    assert heard[0] == PING
    assert set(heard[1:]) <= {NOOP}  # of a poll that waited then
    assert client.poll().json() == SESSION_UNKNOWN


def test_who_answers_the_pings_stays_over_a_websocket(curious: Gunicorn) -> None:
    with websocket(curious.port) as client:
        for _ in range(4):
            assert client.hear() == PING
            client.say(PONG)


def test_there_is_one_ping_until_it_is_answered(curious: Gunicorn) -> None:
    with websocket(curious.port) as silent, websocket(curious.port) as other:
        assert silent.hear() == PING
        for _ in range(4):
            assert other.hear() == PING
            other.say(PONG)
        silent.say(MESSAGE + "here")
        assert silent.hear() == MESSAGE + "here"
        silent.say(PONG)
        assert silent.hear() == PING


def test_who_does_not_is_closed_over_a_websocket(quick: Gunicorn) -> None:
    with websocket(quick.port) as client:
        assert client.wait_for_end() == [PING, CLOSE]


def test_talking_is_no_answer_to_a_ping(quick: Gunicorn) -> None:
    with websocket(quick.port) as client:
        client.say(MESSAGE)
        pings = 0
        while (packet := client.hear()) != CLOSE and pings < 2:
            pings += packet == PING
            if packet == MESSAGE:
                with suppress(ConnectionClosed):  # what it was told meanwhile is heard first
                    client.say(MESSAGE)
        assert (packet, pings) == (CLOSE, 1)


def test_a_pong_that_nobody_asked_for_changes_nothing(quick: Gunicorn) -> None:
    with websocket(quick.port) as client:
        client.say(PONG)
        assert client.wait_for_end() == [PING, CLOSE]


# Leaving.


def test_a_client_leaves_over_polling(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    pending = client.begin_poll()
    client.say(CLOSE)
    assert pending.answer().packets == [NOOP]
    assert client.poll().json() == SESSION_UNKNOWN


def test_a_client_leaves_over_a_websocket(patient: Gunicorn) -> None:
    with websocket(patient.port) as client:
        client.say(CLOSE)
        assert client.wait_for_end() == []
        assert get(patient, EIO="4", transport="polling", sid=client.sid).json() == SESSION_UNKNOWN


def test_a_websocket_that_closes_takes_its_session_along(patient: Gunicorn) -> None:
    with websocket(patient.port) as client:
        client.connection.close(4000, "bye")
        assert close_code(client.connection) == 4000
    assert get(patient, EIO="4", transport="polling", sid=client.sid).json() == SESSION_UNKNOWN


# The upgrade.


def test_a_session_goes_from_polling_to_a_websocket(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    pending = client.begin_poll()
    with probing(patient.port, client) as connection:
        upgrade(connection)
        assert pending.answer().packets == [NOOP]
        connection.send(MESSAGE + "over here")
        assert connection.recv() == MESSAGE + "over here"
        connection.send(BYTES)
        assert connection.recv() == BYTES


def test_what_waits_during_an_upgrade_arrives_on_the_websocket(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    with probing(patient.port, client) as connection:
        connection.send(PING + "probe")
        assert connection.recv() == PONG + "probe"
        encoded = "b" + b64encode(BYTES).decode()
        client.post(MESSAGE + "1", encoded, MESSAGE + "2")
        connection.send(UPGRADE)
        assert [connection.recv() for _ in range(3)] == [MESSAGE + "1", BYTES, MESSAGE + "2"]


def test_during_a_probe_a_poll_does_not_wait(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    with probing(patient.port, client) as connection:
        connection.send(PING + "probe")
        assert connection.recv() == PONG + "probe"
        assert client.poll().packets == [NOOP]
        client.say(MESSAGE + "still polling")
        assert client.hear() == MESSAGE + "still polling"


def test_a_probe_that_fails_leaves_the_session_polling(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    for packet in (None, PING + "prone", MESSAGE + "tea"):
        with probing(patient.port, client) as connection:
            if packet is not None:
                connection.send(packet)
                with pytest.raises(Exception, match="1007"):
                    connection.recv()
        client.say(MESSAGE + "still polling")
        assert client.hear() == MESSAGE + "still polling"
    with probing(patient.port, client) as connection:
        upgrade(connection)
        connection.send(MESSAGE + "over here")
        assert connection.recv() == MESSAGE + "over here"


def test_after_the_upgrade_requests_are_refused_and_harm_nothing(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    with probing(patient.port, client) as connection:
        upgrade(connection)
        connection.send(MESSAGE + "over here")
        assert connection.recv() == MESSAGE + "over here"
        for answer in (client.poll(), client.post(MESSAGE + "over there"), client.post(CLOSE)):
            assert (answer.status, answer.json()) == (400, BAD_REQUEST)
        connection.send(MESSAGE + "again")
        assert connection.recv() == MESSAGE + "again"


def test_a_second_websocket_is_closed_and_the_first_stays(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    with probing(patient.port, client) as first:
        upgrade(first)
        first.send(MESSAGE + "first")
        assert first.recv() == MESSAGE + "first"
        with probing(patient.port, client) as second, pytest.raises(Exception, match="1008"):
            second.recv()
        first.send(MESSAGE + "still first")
        assert first.recv() == MESSAGE + "still first"


def test_a_session_that_began_as_a_websocket_takes_no_other(patient: Gunicorn) -> None:
    with websocket(patient.port) as client:
        answer = get(patient, EIO="4", transport="polling", sid=client.sid)
        assert (answer.status, answer.json()) == (400, BAD_REQUEST)
        other = connected(patient.port, ENGINE, EIO="4", transport="websocket", sid=client.sid)
        with other as connection, pytest.raises(Exception, match="1008"):
            connection.recv()
        client.say(MESSAGE + "here")
        assert client.hear() == MESSAGE + "here"


def test_bytes_are_what_they_were(patient: Gunicorn) -> None:
    client = Polling(patient.port)
    for size in range(1, 8):
        client.say("b" + b64encode(BYTES[:size]).decode())
        assert b64decode(client.hear()[1:], validate=True) == BYTES[:size]
    client.say(CLOSE)


def test_another_version_of_websockets_is_told_which_one_is_spoken(patient: Gunicorn) -> None:
    """RFC 6455 section 4.4."""
    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 8")
    target = f"{ENGINE}?{query(EIO='4', transport='websocket')}"
    answer = Request(patient.port, "GET", target, b"", *lines).answer()

    assert answer.status == 426
    assert answer.headers["sec-websocket-version"] == "13"
    assert answer.json()["code"] == 3
