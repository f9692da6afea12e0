"""Each limit of the environment at its edge: as much passes, and one more does not. 0 is off."""

import json
from contextlib import ExitStack, suppress
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.application.mailbox import Mailbox
from tests.harness.clients import loopback
from tests.harness.clients.admission import admit
from tests.harness.clients.framed import ENGINE, TEXT, Wire, wire
from tests.harness.clients.frames import client_frame
from tests.harness.clients.raw import CLOSE, RawPolling, introduce, raw_polling
from tests.harness.clients.recovering import RecoveringClient
from tests.harness.people.person import signed
from tests.harness.processes.limited import Limited
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

CLOSED = 'ordercast_connections_closed_total{why="%s"}'
REFUSED = 'ordercast_connects_refused_total{code="too_many_connections"}'
POLICY, TOO_BIG = 1008, 1009
SEPARATOR = "\x1e"


def knock(service: Service, transport: str = "polling", address: str = "127.0.0.1") -> Any:
    """Ask for a session -> (status, code of the error or None)."""
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as http:
        answer = http.get(
            f"{service.url}{ENGINE}{transport}", headers=headers if transport != "polling" else {}
        )
    return answer.status_code, answer.json()["code"] if answer.is_error else None


@pytest.mark.parametrize(
    ("limit", "status"), [("MAX_CONNECTIONS", 503), ("MAX_CONNECTIONS_PER_ADDRESS", 429)]
)
def test_one_connection_more_than_there_may_be(limited: Limited, limit: str, status: int) -> None:
    service = limited(**{limit: "4"})
    full = (status, "too_many_connections")
    with ExitStack() as stack:
        other = stack.enter_context(wire(service.port))
        first = stack.enter_context(wire(service.port))
        leaving = stack.enter_context(raw_polling(service.url))
        staying = stack.enter_context(raw_polling(service.url))
        for client in (other, first, leaving, staying):
            admit(client)

        assert knock(service) == knock(service, "websocket") == full
        elsewhere = full if status == 503 else (200, None)
        assert knock(service, address="127.0.0.2") == elsewhere
        assert service.metric(REFUSED) == (3 if status == 503 else 2)
        # Who is in is not kept from upgrading.
        assert first.answers()
        assert loopback.get(f"{service.url}/healthz").status_code == 200

        first.close()
        leaving.say(CLOSE)
        wait_until(lambda: knock(service) == (200, None), "there is room for one")
        again = [stack.enter_context(raw_polling(service.url))]  # and another
        if status == 503:  # of those that have no token yet there may be more
            again.append(stack.enter_context(raw_polling(service.url)))
            for client in again:
                admit(client)
        assert knock(service) == full


def test_a_message_of_the_limit_passes_and_one_of_a_byte_more_does_not(limited: Limited) -> None:
    service = limited(MAX_MESSAGE_BYTES="1000")
    most, more = (introduce("x" * (size - len(introduce("")))) for size in (1000, 1001))
    assert (len(most), len(more)) == (1000, 1001)

    with wire(service.port) as client:
        client.say(most)
        assert client.hear().startswith("44{")
        client.say(more)
        assert client.close_code() == TOO_BIG
    with wire(service.port) as client:
        say_in_fragments(client, most)
        assert client.hear().startswith("44{")
        say_in_fragments(client, more)
        assert client.close_code() == TOO_BIG
    with wire(service.port) as client:
        client.connection.sendall(client_frame(TEXT, declared=1001))  # and nothing of it
        assert client.close_code() == TOO_BIG

    with raw_polling(service.url) as polling:
        url = f"{service.url}{ENGINE}polling&sid={polling.opened['sid']}"
        assert polling.opened["maxPayload"] == 1000
        for body in (more, (piece.encode() for piece in more)):  # with its length, and chunked
            answer = loopback.post(url, content=body)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        polling.say(most)
        assert polling.hear().startswith("44{")


def say_in_fragments(client: Wire, text: str) -> None:
    data = text.encode()
    pieces = client_frame(TEXT, data[:400], fin=False) + client_frame(0, data[400:800], fin=False)
    client.connection.sendall(pieces + client_frame(0, data[800:]))


def test_who_does_not_authenticate_in_time_is_closed(limited: Limited) -> None:
    service = limited(CONNECT_TIMEOUT="2")
    with ExitStack() as stack:
        good = stack.enter_context(wire(service.port))
        good.say(introduce(signed()))
        polls = stack.enter_context(raw_polling(service.url))
        polls.say(introduce(signed()))
        for client in (good, polls):
            assert client.hear().startswith("40{")
        mute = stack.enter_context(raw_polling(service.url))
        refused = stack.enter_context(wire(service.port))
        refused.say(introduce("wrong"))
        silent = stack.enter_context(wire(service.port))

        assert silent.close_code() == refused.close_code() == 1000
        assert mute.hear() == CLOSE
        assert good.answers()
        polls.say('42["anything"]')  # 200


def test_a_burst_of_the_limit_passes_and_a_longer_one_does_not(limited: Limited) -> None:
    service = limited(MAX_EVENTS_PER_SECOND="10")
    hello, event = introduce(signed()), '42["anything"]'
    with wire(service.port) as client:
        stream = [hello] + [event] * 9
        client.connection.sendall(b"".join(client_frame(TEXT, text.encode()) for text in stream))
        assert client.hear().startswith("40{")
        assert client.answers()
        client.connection.sendall(client_frame(TEXT, event.encode()) * 200)
        assert client.close_code() == POLICY
    with raw_polling(service.url) as polling:
        polling.say(SEPARATOR.join([hello] + [event] * 9))
        assert polling.hear().startswith("40{")
        polling.say(SEPARATOR.join([event] * 200))
        assert polling.hear() == CLOSE
        assert ended(service, polling)

    wait_until(lambda: service.metric(CLOSED % "flood") == 2, "each is counted, once")
    service.wait_for_connections(0)
    assert service.web is not None
    assert "Traceback" not in service.web.output()


def ended(service: Service, polling: RawPolling) -> bool:
    answer = loopback.get(f"{service.url}{ENGINE}polling&sid={polling.opened['sid']}")
    return (answer.status_code, answer.json()["code"]) == (400, 1)


def letters(redis: RedisServer, user: str, count: int) -> None:
    """Durable notifications of 100 KB each, without waiting for them."""
    mailbox = Mailbox(redis.url)
    for number in range(count):
        data = {"title": str(number), "message": "x" * 100_000, "type": "info"}
        mailbox.add("", to=user, data=orjson.dumps(data))
    mailbox.redis.close()


def test_a_client_that_never_reads_is_closed_and_recovers_what_it_missed(
    own_service: Limited, own_redis: RedisServer
) -> None:
    service = own_service(MAX_BACKLOG_BYTES="200000")
    user, count = uuid4().hex, 60
    token = signed(sub=user)
    missed = [str(number) for number in range(count)]
    with ExitStack() as stack:
        slow = stack.enter_context(wire(service.port, buffer=8192))
        slow.say(introduce(token))
        pid = json.loads(slow.hear().removeprefix("40"))["pid"]
        polls = stack.enter_context(raw_polling(service.url))  # and does not
        polls.say(introduce(token))
        slow_pid = polls.hear_json("40")["pid"]

        letters(own_redis, user, count)

        wait_until(lambda: service.metric(CLOSED % "slow") == 2, "both are closed")
        service.wait_for_connections(0)
        assert ended(service, polls)
        heard = []
        while (told := slow.frame())[1].startswith(b"42"):
            heard.append(json.loads(told[1][2:]))
        assert [event[1]["title"] for event in heard] == missed[: len(heard)]

    offset = heard[-1][-1] if heard else None
    for ticket, after, rest in ((pid, offset, missed[len(heard) :]), (slow_pid, None, missed)):
        client = RecoveringClient(service.url, token, pid=ticket, offset=after)
        # What it missed is more than the limit: one that reads gets it all the same, and if it
        # reads too slowly, in more than one connection.
        while (got := len(client.events)) < len(rest):
            with suppress(ConnectionClosed), client.opened():
                client.read(1 + len(rest) - got)
            assert client.recovered
            assert len(client.events) > got
        assert [arguments[0]["title"] for _, arguments in client.events] == rest


def test_without_limits_everything_passes(own_service: Limited, own_redis: RedisServer) -> None:
    off = (
        *("MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_ADDRESS", "MAX_CONNECTIONS_PER_USER"),
        "MAX_UNAUTHENTICATED_CONNECTIONS",
        *("MAX_MESSAGE_BYTES", "MAX_EVENTS_PER_SECOND", "MAX_BACKLOG_BYTES"),
        *("CONNECT_TIMEOUT", "PING_INTERVAL", "PING_TIMEOUT"),
    )
    service = own_service(**dict.fromkeys(off, "0"))
    user, count = uuid4().hex, 60
    big = introduce("x" * 3_000_000)
    with ExitStack() as stack:
        silent = stack.enter_context(wire(service.port))
        crowd = [stack.enter_context(wire(service.port)) for _ in range(50)]
        mute = stack.enter_context(wire(service.port, buffer=8192))
        mute.say(introduce(signed(sub=user)))
        assert mute.hear().startswith("40{")
        letters(own_redis, user, count)

        polling = stack.enter_context(raw_polling(service.url))
        assert polling.opened["maxPayload"] > len(big)
        for client in (crowd[0], polling):
            client.say(big)
            assert client.hear().startswith("44{")
        flood = client_frame(TEXT, b'42["anything"]') * 1000
        crowd[1].connection.sendall(client_frame(TEXT, introduce(signed()).encode()) + flood)
        polling.say(SEPARATOR.join([introduce(signed())] + ['42["anything"]'] * 1000))
        assert polling.hear().startswith("40{")

        titles = [json.loads(mute.hear()[2:])[1]["title"] for _ in range(count)]
        assert titles == [str(number) for number in range(count)]
        assert all(client.answers() for client in (silent, *crowd))
    assert service.metric(CLOSED % "flood") == service.metric(CLOSED % "slow") == 0
