"""Clients that take their time must not cost the others theirs."""

import socket
from contextlib import ExitStack

from tests.harness.people.person import Person
from tests.harness.processes.service import Service

MANY = 40  # more than the pool of either database has connections


def test_bodies_that_do_not_arrive_hold_no_database_connection(
    service: Service, alice: Person
) -> None:
    head = (
        f"POST /api/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {alice.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    with ExitStack() as stack:
        for _ in range(MANY):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            slow.sendall(head.encode())

        # Served in the order of arrival: those above are all waiting for their bodies.
        assert [alice.call("GET", "/api/auth/me").status_code for _ in range(MANY)] == [200] * MANY
