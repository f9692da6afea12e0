"""Events as large as the inbox takes them, on a real service: memory is bounded in bytes."""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack

import psutil
import pytest
import redis

from tests.harness.people.person import Person
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

COUNT, SIZE = 150, 600_000  # 90 MB in all
LITTLE = 75_000_000  # bytes; what is kept in memory and what is on its way, with room to spare
UNREAD = 12


@pytest.fixture
def service(own_service: Callable[..., Service]) -> Service:
    return own_service("postgres", RECOVERY_MAX_BYTES="60000000", RECOVERY_MAX_EVENTS="1000")


@pytest.fixture
def web(service: Service, alice: Person) -> psutil.Process:
    """The web process, after 90 MB of events for alice."""
    process = psutil.Process(service.worker_process())
    note = {"title": "large", "message": "x" * SIZE, "type": "info"}
    fields = {"event": "notification", "to": alice.id, "data": json.dumps(note)}
    with redis.Redis.from_url(service.env["REDIS_URL"]) as client:
        for _ in range(COUNT):
            client.xadd("ordercast:inbox", fields)
    position = "ordercast_follower_position"
    wait_until(lambda: service.metric(position) >= COUNT, "all are fanned out", seconds=60)
    return process


def test_a_process_keeps_little_of_what_is_large_and_answers_with_little_memory(
    service: Service, alice: Person, web: psutil.Process
) -> None:
    fresh = 120_000_000  # a web process that has just started takes about 105 MB
    assert web.memory_info().rss < fresh + LITTLE

    too_much = alice.get("/api/events?after=0")
    assert (too_much["events"], too_much["complete"]) == ([], False)
    after = COUNT - 90  # 54 MB
    whole = alice.get(f"/api/events?after={after}")
    assert [int(event["offset"]) for event in whole["events"]] == list(range(after + 1, COUNT + 1))
    assert whole["complete"]
    assert {len(event["data"]["message"]) for event in whole["events"]} == {SIZE}

    with ExitStack() as stack:
        for _ in range(UNREAD):
            unread = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            unread.sendall(
                f"GET /api/events?after={after} HTTP/1.1\r\nHost: shop\r\n"
                f"Authorization: Bearer {alice.token}\r\n\r\n".encode()
            )
        held = "ordercast_answer_bytes"
        wait_until(lambda: service.metric(held) >= UNREAD * SIZE, "all are being sent")
        assert alice.call("GET", "/api/auth/me").status_code == 200
        assert web.memory_info().rss < fresh + LITTLE + UNREAD * 4 * SIZE
    wait_until(lambda: service.metric(held) == 0, "nothing is held any more")
