"""A client that leaves the namespace (`41`) and keeps its transport gains nothing by that."""

import time
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from tests.harness.clients.framed import Wire, wire
from tests.harness.clients.raw import CLOSE, DISCONNECT, introduce, raw_polling
from tests.harness.people.person import signed
from tests.harness.processes.limited import Limited
from tests.harness.waiting import wait_until

NORMAL = 1000
LIFE_SECONDS = 3  # of a token that is to expire


def connect(client: Any, user: str, **claims: object) -> str:
    """CONNECT with a token of this user's -> "40" or "44"."""
    client.say(introduce(signed(sub=user, **claims)))
    heard: str = client.hear()
    return heard[:2]


def test_transports_that_were_left_count_for_their_user(limited: Limited) -> None:
    service = limited(MAX_CONNECTIONS_PER_USER="3")
    alice, bob = uuid4().hex, uuid4().hex
    with ExitStack() as stack:
        kept: list[Wire] = []
        for _ in range(3):
            kept.append(stack.enter_context(wire(service.port)))
            assert connect(kept[-1], alice) == "40"
            kept[-1].say(DISCONNECT)
            assert kept[-1].answers()
        for _ in range(27):
            client = stack.enter_context(wire(service.port))
            assert connect(client, alice) == "44"
        service.wait_for_connections(0)

        # On its own transport each may come back, and the user still has three.
        assert connect(kept[0], alice) == "40"
        assert connect(client, alice) == "44"
        # Another user is not meant; and takes the transport along.
        assert connect(kept[1], bob) == "40"
        assert connect(client, alice) == "40"
        other = stack.enter_context(wire(service.port))
        assert connect(other, alice) == "44"

        kept[2].close()
        wait_until(lambda: connect(other, alice) == "40", "a closed one does not count")


def test_a_transport_that_was_left_ends_with_its_token(limited: Limited) -> None:
    service = limited(CONNECT_TIMEOUT="0", TOKEN_GRACE="0.1")
    alice = uuid4().hex
    with wire(service.port) as left, wire(service.port) as back, raw_polling(service.url) as polls:
        for client in (left, back, polls):
            assert connect(client, alice, exp=time.time() + LIFE_SECONDS) == "40"
            client.say(DISCONNECT)
        assert connect(back, alice) == "40"  # with a token that lasts
        assert left.close_code() == NORMAL
        assert polls.hear() == CLOSE
        assert back.answers()
        assert service.metric('ordercast_connections_closed_total{why="expired"}') == 2


def test_a_transport_that_was_left_in_time_gives_its_place_back(limited: Limited) -> None:
    service = limited(CONNECT_TIMEOUT="2", MAX_CONNECTIONS_PER_USER="1")
    alice = uuid4().hex
    with wire(service.port) as left:
        assert connect(left, alice) == "40"
        left.say(DISCONNECT)
        assert left.close_code() == NORMAL
        with wire(service.port) as client:
            assert connect(client, alice) == "40"


def test_a_session_that_is_closed_and_waits_for_its_last_poll_does_not_count(
    limited: Limited,
) -> None:
    service = limited(MAX_CONNECTIONS_PER_USER="1")
    alice = uuid4().hex
    for _ in range(3):
        with raw_polling(service.url) as client:
            assert connect(client, alice) == "40"
            client.say(CLOSE)
