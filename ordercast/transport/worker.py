"""The gunicorn worker: `worker_class = "ordercast.transport.worker.Worker"`."""

from __future__ import annotations

import _socket
import logging
import os
import random
import shutil
import time
from heapq import nsmallest
from typing import Any, ClassVar

import gevent
import gevent.socket
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.ggevent import VERSION, GeventPyWSGIWorker, PyWSGIServer

from ordercast.transport import options as options_of
from ordercast.transport.accepting import Acceptor
from ordercast.transport.engine import engines
from ordercast.transport.handler import Handler
from ordercast.transport.handover import HandOver, make_folder
from ordercast.transport.requests import Waiting, close_idle, close_late
from ordercast.transport.session import Session

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.1  # while it drains, between two looks at whether all is done
BEAT_SECONDS = 1.0  # between two signs of life to the master, and looks for who is late
DRAIN_SECONDS = 2.0  # over which the clients are sent away
BATCH_SECONDS = 0.05
SETTLE_SECONDS = 0.2  # for what was written last to leave
MARGIN_SECONDS = 0.5  # before the master ends its patience, and us


class Server(PyWSGIServer):
    """Accepts, and gives a connection a greenlet when its request is here."""

    def __init__(self, *args: Any, acceptor: Acceptor, idle_seconds: float, **options: Any) -> None:
        super().__init__(*args, spawn="raw", **options)
        self._acceptor = acceptor
        acceptor.add(self)
        self.idle_seconds = idle_seconds  # between two requests; 0: there is no second one
        self._waiting: set[Waiting] = set()
        self.active = 0  # requests in flight
        self.taken = 0  # connections that became WebSockets
        self.served = 0  # requests
        self.draining = False
        self.draining_since = 0.0  # monotonic seconds
        self.request_seconds = max((one.limits.request_timeout for one in engines), default=0.0)

    def do_read(self) -> tuple[_socket.socket, Any] | None:
        return self._acceptor.accept(self.socket)

    def do_handle(self, connection: _socket.socket, address: Any) -> None:
        self.wait(connection, address, is_new=True)

    def wait(
        self, connection: _socket.socket, address: Any, data: bytes = b"", *, is_new: bool = False
    ) -> None:
        """Wait for the next request on the connection, of which `data` is the beginning."""
        waiting = Waiting(
            connection,
            address,
            self._begin,
            is_new=is_new,
            all_waiting=self._waiting,
            idle_seconds=self.idle_seconds,
        )
        waiting.look(data)

    def _begin(self, connection: _socket.socket, address: Any, data: bytes) -> None:
        gevent.spawn(self.adopt, connection, address, data)

    def adopt(self, connection: Any, address: Any, data: bytes) -> None:
        """Serve the connection, which has sent `data`. In a greenlet."""
        if isinstance(connection, _socket.socket):
            connection = gevent.socket.socket(
                connection.family, connection.type, connection.proto, fileno=connection.detach()
            )
        self.active += 1
        try:
            self.handler_class(connection, address, self, data).handle()
        finally:
            self.active -= 1

    @property
    def open(self) -> int:
        return len(self._waiting) + self.active + self.taken

    def close_oldest(self, count: int) -> int:
        """Those first that have not begun a request."""
        oldest = nsmallest(count, self._waiting, key=lambda waiting: (waiting.began, waiting.due))
        for waiting in oldest:
            waiting.close()
        return len(oldest)

    def close_late(self) -> None:
        for _ in range(close_late(self._waiting)):
            self.count_cut("head")

    def count_cut(self, why: str) -> None:
        count_cut(why)

    def drain(self) -> None:
        """Accept no more: who waits in the kernel's queue is the other processes', if there are
        any."""
        self.draining = True
        self.draining_since = time.monotonic()
        self.close()

    def expects(self) -> bool:
        """While it drains: whether a request is about to come. Closes the connections where none
        is."""
        close_idle(self._waiting, since=self.draining_since)
        return bool(self._waiting)


def count_cut(why: str) -> None:
    for engine in engines:
        engine.count_cut(why)


class Worker(GeventPyWSGIWorker):
    server_class = Server
    wsgi_handler = Handler
    # Made in the master before the first fork, so that all its workers meet there; 0700.
    folder: ClassVar[str | None] = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if (why := self.refusal(self.cfg)) is not None:
            raise RuntimeError(why)
        self.prepare(self.cfg)

    @staticmethod
    def refusal(cfg: Any) -> str | None:
        """What cannot be done though gunicorn is told to; for a configuration to stop the start."""
        why = options_of.refusal(cfg)
        if why is None:
            try:
                Worker.prepare(cfg)
            except OSError as exc:
                why = str(exc)
        return why

    @classmethod
    def prepare(cls, cfg: Any) -> None:
        """In the master, once: make the folder where the processes meet. Raises OSError."""
        if Worker.folder is None:
            Worker.folder = make_folder()
            os.chown(Worker.folder, cfg.uid, cfg.gid)  # the workers' user, if another

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """In the master, before the first worker."""
        names = options_of.without_effect(cfg)
        if names:
            log.warning("Without effect here: %s (see README)", ", ".join(names))

    @classmethod
    def remove_folder(cls) -> None:
        """In the master, when it ends."""
        if cls.folder is not None:
            shutil.rmtree(cls.folder, ignore_errors=True)

    def run(self) -> None:
        acceptor = Acceptor(self.worker_connections, count_cut)
        servers = [self._server(listener, acceptor) for listener in self.sockets]
        assert self.folder is not None
        hand_over = HandOver(self.folder, servers[0].adopt)
        hand_over.mend()
        for engine in engines:
            engine.hand_over = hand_over
        for server in servers:
            server.start()
        while self.alive:
            self.notify()
            hand_over.mend()
            for server in servers:
                server.close_late()
            if sum(server.served for server in servers) >= self.max_requests:
                logger.info("max_requests reached", extra={"max_requests": self.max_requests})
                break
            self._await_signal(BEAT_SECONDS)
        self._drain(servers, hand_over)

    def _await_signal(self, seconds: float) -> None:
        """Until a signal came, but no longer than this: gunicorn writes to its pipe at each."""
        with gevent.Timeout(seconds, False):
            gevent.socket.wait_read(self.PIPE[0])
            os.read(self.PIPE[0], 64)

    def _server(self, listener: Any, acceptor: Acceptor) -> Server:
        listener.setblocking(1)
        environ = base_environ(self.cfg)
        environ.update({"wsgi.multithread": True, "SERVER_SOFTWARE": VERSION})
        return Server(
            listener,
            application=self.wsgi,
            log=self.log,
            handler_class=self.wsgi_handler,
            environ=environ,
            acceptor=acceptor,
            idle_seconds=self.cfg.keepalive,
        )

    def _drain(self, servers: list[Server], hand_over: HandOver) -> None:
        """Send the clients away, spread out so that they do not all come back at once, and go when
        what was begun is done, or about to begin."""
        deadline = time.monotonic() + self.cfg.graceful_timeout - MARGIN_SECONDS
        for engine in engines:
            engine.draining = True
        for server in servers:
            server.drain()
        self._send_away(min(DRAIN_SECONDS, self.cfg.graceful_timeout / 2))
        gevent.sleep(SETTLE_SECONDS)
        while any(e.owes_close for e in engines) and time.monotonic() < deadline:
            self.notify()  # those polls may come through another process
            gevent.sleep(LOOK_SECONDS)
        hand_over.stop()
        busy = True
        while busy and time.monotonic() < deadline:
            self.notify()
            expected = [server.expects() for server in servers]
            gevent.sleep(LOOK_SECONDS)  # what was taken last shows up meanwhile
            active = any(server.active for server in servers) or any(e.working for e in engines)
            busy = active or any(expected)
        logger.info("drained", extra={"requests_cut": sum(server.active for server in servers)})

    def _send_away(self, seconds: float) -> None:
        sessions = [session for engine in engines for session in list(engine.sockets.values())]
        random.shuffle(sessions)
        batches = max(1, round(seconds / BATCH_SECONDS))
        size = -(-len(sessions) // batches)
        for start in range(0, len(sessions), max(1, size)):
            for session in sessions[start : start + size]:
                session.close(reason=Session.GOING_AWAY, code=1001)
            self.notify()
            gevent.sleep(BATCH_SECONDS * random.uniform(0.5, 1.5))
