"""A real gunicorn process, and clients that lie about what they send."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.clients import loopback
from tests.harness.people.fixtures import bob, person, person_at
from tests.harness.people.person import Person
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import DEADLINE_SECONDS

__all__ = ["bob", "person", "person_at"]

HEAD = "POST /api/products HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
MEGABYTE = b"x" * 1_000_000


@pytest.fixture
def service(sqlite_url: str, redis_server: RedisServer, tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path, database_url=sqlite_url, redis_url=redis_server.url)
    service.start_web()
    yield service
    service.stop()


def talk(service: Service, *pieces: bytes) -> bytes:
    """Send the pieces, say that nothing more comes -> everything that is answered."""
    answer = b""
    with socket.create_connection(("127.0.0.1", service.port), timeout=DEADLINE_SECONDS) as client:
        try:
            for piece in pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            while piece := client.recv(65_536):
                answer += piece
        except TimeoutError:
            raise
        except OSError:
            return answer  # closed in the middle: it heard enough
    return answer


def head(bob: Person, *lines: str) -> bytes:
    return "\r\n".join([f"{HEAD}Authorization: Bearer {bob.token}", *lines, "", ""]).encode()


def test_a_body_of_ten_megabytes_is_refused_and_the_next_request_is_served(
    service: Service, bob: Person
) -> None:
    before = service.worker_process()
    body = json.dumps({"name": "x" * 10_000_000, "priceCents": 1})

    for _ in range(3):
        refused = bob.call(
            "POST", "/api/products", content=body, headers={"Content-Type": "application/json"}
        )
        assert refused.status_code == 413, refused.text
        assert refused.json()["error"]["code"] == "body_too_large"
        assert bob.get("/api/products")["products"] == []

    assert service.worker_process() == before


def test_a_body_of_ten_megabytes_in_chunks_is_refused(service: Service, bob: Person) -> None:
    chunks = iter([MEGABYTE] * 10)
    refused = bob.call(
        "POST", "/api/products", content=chunks, headers={"Content-Type": "application/json"}
    )
    assert refused.status_code == 413, refused.text
    assert bob.get("/api/products")["products"] == []


def test_a_body_in_chunks_is_read(service: Service, bob: Person) -> None:
    chunks = iter([b'{"name": "Tea",', b' "priceCents": 1}'])
    placed = bob.call(
        "POST", "/api/products", content=chunks, headers={"Content-Type": "application/json"}
    )
    assert placed.status_code == 201, placed.text


LIES = {
    "longer than the body": (["Content-Length: 100"], b'{"name": "Tea"'),
    "all of a gigabyte": (["Content-Length: 1000000000"], b"{}"),
    "shorter than the body": (["Content-Length: 2"], b'{"name": "Tea", "priceCents": 1}'),
    "negative": (["Content-Length: -1"], b"{}"),
    "no number": (["Content-Length: ten"], b"{}"),
    "a number in other digits": (["Content-Length: \u0661"], b"{}"),
    "empty": (["Content-Length: "], b"{}"),
    "endless": (["Content-Length: " + "9" * 400], b"{}"),
    "two of them": (
        ["Content-Length: 2", "Content-Length: 32"],
        b'{"name": "Tea", "priceCents": 1}',
    ),
    "with a plus": (["Content-Length: +2"], b"{}"),
    "beside chunks": (["Content-Length: 2", "Transfer-Encoding: chunked"], b"2\r\n{}\r\n0\r\n\r\n"),
    "none": ([], b'{"name": "Tea", "priceCents": 1}'),
    "chunks that are none": (["Transfer-Encoding: chunked"], b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk that is too short": (["Transfer-Encoding: chunked"], b"ff\r\n{}"),
    "a negative chunk": (["Transfer-Encoding: chunked"], b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunks in another coding": (["Transfer-Encoding: gzip, chunked"], b"\x1f\x8b"),
}


def test_a_lie_about_the_length_is_the_senders_fault(service: Service, bob: Person) -> None:
    for name, (lines, body) in LIES.items():
        answer = talk(service, head(bob, *lines), body)
        status = answer.split(b" ", 2)[1:2]
        assert not status or status[0].startswith(b"4"), (name, answer)
        assert bob.get("/api/products")["products"] == [], name
    assert loopback.get(f"{service.url}/healthz").status_code == 200
    assert service.web is not None
    assert "Traceback" not in service.web.output(), service.web.output()
