"""Several processes behind one port, without sticky sessions.

A session lives in one process, its owner, and its id ends in the owner's name. A request for it
that reaches another process is handed to the owner over a private Unix socket: the TCP connection's
descriptor and what was read from it, before anything was answered. The owner serves the connection
from there on, keep-alive and upgrade included.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import stat
import struct
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import orjson
from gevent.server import StreamServer

if TYPE_CHECKING:
    from ordercast.transport.connection import HttpConnection

logger = logging.getLogger(__name__)
NAME_BYTES = 6
NAME = re.compile(r"[A-Za-z0-9_-]{8}$")  # NAME_BYTES in base64; also a file name
BACKLOG = 4096  # hand-overs that may wait; beyond it the session seems to have no owner
OWNER_SECONDS = 2.0  # for the owner to say that it has the connection
LENGTH = struct.Struct("!I")
TAKEN = b"1"

PREFIX = "gunicorn-handover-"
MAX_PATH_BYTES = 107  # of a Unix socket, sockaddr_un
SETTLE_SECONDS = 3.0  # after which every process has made its socket again
RETRY_SECONDS = 0.1

Serve = Callable[[socket.socket, Any, bytes], None]


def make_folder() -> str:
    """Make a private folder, with a path short enough for the sockets in it. Raises OSError."""
    given, runtime = os.environ.get("TMPDIR"), os.environ.get("XDG_RUNTIME_DIR")
    places = [given, "/tmp", runtime, "/dev/shm"]  # noqa: S108
    for place in filter(None, places):
        try:
            folder = tempfile.mkdtemp(prefix=PREFIX, dir=place)
        except OSError:
            continue
        if len(os.fsencode(folder)) + 1 + len("12345678") <= MAX_PATH_BYTES:
            return folder
        Path(folder).rmdir()
    raise OSError(
        "no folder for the sockets of the hand-over: let TMPDIR name one that can be written,"
        f" with a path of at most {MAX_PATH_BYTES - 40} bytes"
    )


def check_folder(folder: Path) -> None:
    """Raises OSError unless the folder is ours, and closed to other users: in /tmp anybody can make
    a folder or a link of that name."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not ours alone")


class HandOver:
    """One process's side. `folder` is private to the user, and the same for all processes; `serve`
    is called for each hand-over: with the connection, the client's address, and what was read."""

    def __init__(self, folder: str, serve: Serve) -> None:
        self._folder = Path(folder)
        self._serve = serve
        self.name = secrets.token_urlsafe(NAME_BYTES)  # made after the fork: unique
        self._server: StreamServer | None = None
        self._bound = 0  # the inode of this process's socket
        self._is_broken = False
        self._unsettled_until = 0.0  # monotonic seconds; the owners' sockets may be missing

    def _listen(self) -> None:
        check_folder(self._folder)
        path = self._folder / self.name
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
        self._bound = path.lstat().st_ino
        self._server = StreamServer(listener, self._receive)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
        with suppress(OSError):
            (self._folder / self.name).unlink(missing_ok=True)

    @property
    def problem(self) -> str | None:
        """Why other processes cannot hand over to this one; None: they can."""
        try:
            check_folder(self._folder)
            found = (self._folder / self.name).lstat()
        except OSError as exc:
            return str(exc)
        return None if found.st_ino == self._bound else "another file is in the place of the socket"

    def mend(self) -> None:
        """Listen for hand-overs. Called every second: the folder and the socket are made again if
        something has removed them, as cleaners of /tmp do, also before a process began. The other
        processes do the same with theirs."""
        problem = self.problem
        if problem is None:
            self._is_broken = False
            return
        begins = self._server is None and not self._is_broken
        if not begins:
            self._unsettled_until = time.monotonic() + SETTLE_SECONDS
        try:
            with suppress(
                FileExistsError
            ):  # another process was faster, or another user's is there
                self._folder.mkdir(mode=0o700)
            old = self._server
            self._listen()
            if old is not None:
                old.stop()
        except OSError as exc:
            if not self._is_broken:
                self._is_broken = True
                logger.warning("hand-over broken", extra={"problem": problem, "error": str(exc)})
        else:
            self._is_broken = False
            if not begins:
                logger.warning("hand-over mended", extra={"problem": problem})

    def give(self, sid: str, connection: HttpConnection | None) -> bool:
        """Hand the connection to the owner of the session. False if there is no owner: the session
        is not known, and the connection still this process's."""
        found = NAME.search(sid)
        if connection is None or found is None or found[0] == self.name:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as owner:
            owner.settimeout(OWNER_SECONDS)
            if not self._reach(owner, self._folder / found[0]):
                return False
            head = orjson.dumps(connection.client_address)
            body = connection.raw()
            message = LENGTH.pack(len(head)) + LENGTH.pack(len(body)) + head + body
            try:
                socket.send_fds(owner, [message[:1]], [connection.fileno()])
                owner.sendall(message[1:])
                if owner.recv(1) != TAKEN:
                    raise ConnectionError("the owner is gone")
            except OSError as exc:
                # The owner may have the connection or not, and two processes must not answer: drop
                # this copy; the client tries again if it gets no answer.
                logger.warning("hand-over not answered", extra={"error": str(exc)})
        connection.release()
        return True

    def _reach(self, owner: socket.socket, path: Path) -> bool:
        """Connect to the owner, whose socket may be about to be made again."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                owner.connect(str(path))
            except OSError:
                now = time.monotonic()
                # While this process's socket is missing, the owner's may be missing, too.
                if now >= deadline or (self.problem is None and now >= self._unsettled_until):
                    return False
                gevent.sleep(RETRY_SECONDS)
            else:
                return True

    def _receive(self, giver: socket.socket, _address: object) -> None:
        with giver:
            giver.settimeout(OWNER_SECONDS)
            descriptors: list[int] = []
            try:
                _, descriptors, _, _ = socket.recv_fds(giver, 1, 1)
                rest = LENGTH.size - 1
                head_bytes = LENGTH.unpack(b"\0" + exactly(giver, rest))[0]
                body_bytes = LENGTH.unpack(exactly(giver, LENGTH.size))[0]
                address = orjson.loads(exactly(giver, head_bytes))
                body = exactly(giver, body_bytes)
                connection = socket.socket(fileno=descriptors.pop())
            except (OSError, IndexError, orjson.JSONDecodeError) as exc:
                logger.warning("hand-over not understood", extra={"error": str(exc)})
                for descriptor in descriptors:
                    socket.close(descriptor)
                return
            with suppress(OSError):  # the giver waits no more, and drops its copy all the same
                giver.sendall(TAKEN)
        self._serve(connection, tuple(address) if isinstance(address, list) else address, body)


def exactly(connection: socket.socket, size: int) -> bytes:
    """The next `size` bytes. Raises OSError."""
    data = bytearray()
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("cut short")
        data += more
    return bytes(data)
