"""A port of its own for metrics and health, beside the port that the public reaches."""

import logging
import socket
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

import orjson

from ordercast.monitoring.listening import listen

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0  # for a request to come, and for its answer to be taken
RETRY_SECONDS = 1.0  # between two tries to take a port that another process has


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes

    @classmethod
    def json(cls, status: int, content: dict[str, Any]) -> "Answer":
        return cls(status, "application/json", orjson.dumps(content) + b"\n")


Views = dict[str, Callable[[], Answer]]  # by their paths


def serve(listener: socket.socket, views: Views) -> None:
    """Answer requests in threads of the background (in a web process: greenlets), for ever.
    Several processes may have the same listener: each request is one's."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = listener.accept()
            connection.settimeout(TIMEOUT_SECONDS)
            return connection, address

        def handle_error(self, request: Any, client_address: Any) -> None:
            logger.warning("request for metrics or health failed", exc_info=True)

    class Handler(_Handler):
        answers = views

    server = Server(listener.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def serve_in_turn(port: int, views: Views) -> None:
    """As serve(), on a port that one process of the host has at a time: the next takes it within
    RETRY_SECONDS after its end."""

    def wait_for_turn() -> None:
        pause = threading.Event()
        waits = False
        while True:
            try:
                listener = listen(port)
                break
            except OSError as exc:
                if not waits:
                    logger.info(
                        "the port has another process", extra={"port": port, "why": str(exc)}
                    )
                waits = True
                pause.wait(RETRY_SECONDS)
        serve(listener, views)

    threading.Thread(target=wait_for_turn, name="metrics", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    answers: Views
    protocol_version = "HTTP/1.0"  # a connection a request: nothing to keep alive
    server_version, sys_version = "ordercast", ""
    timeout = TIMEOUT_SECONDS

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        view = self.answers.get(self.path.partition("?")[0])
        if view is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        answer = view()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug("request", extra={"path": getattr(self, "path", ""), "answer": args})
