"""The gunicorn worker: `worker_class = "ordercast.transport.worker.Worker"`."""

from __future__ import annotations

import logging
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import gevent
import gevent.socket
from gunicorn.arbiter import Arbiter
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.ggevent import VERSION, GeventPyWSGIWorker

from ordercast.transport import options as options_of
from ordercast.transport.accepting import Acceptor
from ordercast.transport.endings import TransportEnding
from ordercast.transport.engine import Engine
from ordercast.transport.handler import Handler
from ordercast.transport.handover import HandOver, make_folder
from ordercast.transport.pipe import Pipe
from ordercast.transport.server import Server

logger = logging.getLogger(__name__)
DRAIN_CHECK_SECONDS = 0.1  # between two checks whether all is done
BEAT_SECONDS = 1.0  # between two signs of life to the master, and checks of what is overdue
DRAIN_SECONDS = 2.0  # over which the clients are sent away
BATCH_SECONDS = 0.05
SETTLE_SECONDS = 0.2  # for the last writes to leave
MARGIN_SECONDS = 0.5  # before graceful_timeout, when the master kills this process


class Worker(GeventPyWSGIWorker):
    """Gets the application's engines in gunicorn's hook:

    def post_worker_init(worker): worker.serve(engine)
    """

    server_class = Server
    wsgi_handler = Handler
    # Of the hand-over's sockets: made in the master before the first fork, one for all its workers;
    # mode 0700.
    folder: ClassVar[str | None] = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if (why := self.refusal(self.cfg)) is not None:
            raise RuntimeError(why)
        self.prepare(self.cfg)
        self._engines: list[Engine] = []

    @staticmethod
    def refusal(cfg: Any) -> str | None:
        """Why this worker cannot serve with these settings, or None; lets a configuration file stop
        the start."""
        why = options_of.refusal(cfg)
        if why is None:
            try:
                Worker.prepare(cfg)
            except OSError as exc:
                why = str(exc)
        return why

    @classmethod
    def prepare(cls, cfg: Any) -> None:
        """Make the folder of the hand-over's sockets, once, in the master. Raises OSError."""
        if Worker.folder is None:
            Worker.folder = make_folder()
            os.chown(Worker.folder, cfg.uid, cfg.gid)  # the workers' user, if another

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Warn of settings without effect; in the master, before the first worker."""
        names = options_of.without_effect(cfg)
        if names:
            log.warning("Without effect here: %s (see README)", ", ".join(names))

    @classmethod
    def remove_folder(cls) -> None:
        """Remove the folder; in the master, when it ends."""
        if cls.folder is not None:
            shutil.rmtree(cls.folder, ignore_errors=True)

    def serve(self, *engines: Engine) -> None:
        """Serve these engines of the application, which is loaded and does not run yet."""
        self._engines += engines

    def run(self) -> None:
        acceptor = Acceptor(self.worker_connections, self._count_cut)
        servers = [self._server(listener, acceptor) for listener in self.sockets]
        assert self.folder is not None
        hand_over = HandOver(self.folder, servers[0].adopt)
        hand_over.mend()
        for engine in self._engines:
            self._start(engine, hand_over, servers[0])
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

    def _start(self, engine: Engine, hand_over: HandOver, server: Server) -> None:
        try:
            engine.start(hand_over, server.adopt)
        except OSError as exc:
            logger.critical("the other hosts cannot reach this one", extra={"error": str(exc)})
            sys.exit(Arbiter.WORKER_BOOT_ERROR)  # the master stops, and tries no more

    def _await_signal(self, seconds: float) -> None:
        """Wait for a signal, at most `seconds`: gunicorn writes to its pipe at each."""
        with gevent.Timeout(seconds, False):
            gevent.socket.wait_read(self.PIPE[0])
            os.read(self.PIPE[0], 64)

    def _server(self, listener: Any, acceptor: Acceptor) -> Server:
        listener.setblocking(1)
        environ = base_environ(self.cfg)
        environ.update({"wsgi.multithread": True, "SERVER_SOFTWARE": VERSION})
        seconds = max((engine.limits.request_timeout for engine in self._engines), default=0.0)
        return Server(
            listener,
            application=self.wsgi,
            log=self.log,
            handler_class=self.wsgi_handler,
            environ=environ,
            acceptor=acceptor,
            idle_seconds=self.cfg.keepalive,
            request_seconds=seconds,
            count_cut=self._count_cut,
        )

    def _count_cut(self, why: str) -> None:
        for engine in self._engines:
            engine.count_cut(why)

    def _drain(self, servers: list[Server], hand_over: HandOver) -> None:
        """End the sessions, spread out so that their clients do not all come back at once; return
        when the requests and handlers that have begun, or are about to, are finished."""
        deadline = time.monotonic() + self.cfg.graceful_timeout - MARGIN_SECONDS
        registries = [engine.registry for engine in self._engines]
        for engine in self._engines:
            engine.drain()
        for server in servers:
            server.drain()
        self._send_away(min(DRAIN_SECONDS, self.cfg.graceful_timeout / 2))
        gevent.sleep(SETTLE_SECONDS)
        while any(one.owes_close for one in registries) and time.monotonic() < deadline:
            self.notify()  # the polls that fetch the end may come through another process
            gevent.sleep(DRAIN_CHECK_SECONDS)
        hand_over.stop()
        for engine in self._engines:
            engine.stop()
        busy = True
        while busy and time.monotonic() < deadline:
            self.notify()
            expected = [server.expects() for server in servers]
            gevent.sleep(DRAIN_CHECK_SECONDS)  # connections accepted last show up meanwhile
            active = any(server.active for server in servers) or any(self._pipes())
            busy = active or any(one.is_busy for one in registries) or any(expected)
        logger.info("drained", extra={"requests_cut": sum(server.active for server in servers)})

    def _send_away(self, seconds: float) -> None:
        sessions = [
            session
            for engine in self._engines
            for session in list(engine.registry.sessions.values())
        ]
        ends: list[Callable[[], None]] = [
            partial(session.end, TransportEnding.SHUTTING_DOWN) for session in sessions
        ]
        ends += [pipe.close for pipe in self._pipes() if pipe.is_upgrade]
        random.shuffle(ends)
        batches = max(1, round(seconds / BATCH_SECONDS))
        size = -(-len(ends) // batches)
        for start in range(0, len(ends), max(1, size)):
            for end in ends[start : start + size]:
                end()
            self.notify()
            gevent.sleep(BATCH_SECONDS * random.uniform(0.5, 1.5))

    def _pipes(self) -> list[Pipe]:
        """Clients of this process, and sessions of other hosts."""
        return [pipe for engine in self._engines if engine.peers for pipe in engine.peers.pipes]
