"""The revocations of a host, counted in a file that the processes of a service share.

A process that has revoked adds one after its COMMIT and before it answers. The others compare the
count with that of their last read before they trust their memory: one stat(), and no database.

The count is the file's size, as an append is atomic. A file that is missing, or was made anew, is
another count: whatever removes it costs a read of the table and hides no revocation. Files of
other users, and those that they could write, do not count.
"""

import logging
import os
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)

MEMORY = Path("/dev/shm")  # noqa: S108, the file is checked each time; no cleaner comes here
COMMIT_SECONDS = 10.0  # in which a COMMIT that was announced is over; then the usual reads follow
MODE = 0o600


class Count(NamedTuple):
    """Equal counts: nothing was revoked on this host in between."""

    device: int
    inode: int
    changed_ns: int
    revocations: int


class HostCounter:
    """`database` returns what names the database, the same text in each process of the service;
    None: no other process has it. Nothing here raises."""

    def __init__(self, database: Callable[[], str | None]) -> None:
        self._database = database
        self._known: Path | None = None

    def read(self) -> Count | None:
        """The count now; None while only the table can tell: a COMMIT may be under way, or no file
        can be shared."""
        path = self._path()
        if path is None:
            return None
        found = _stat(path)
        if found is None:
            _append(path, b"", os.O_CREAT)
            found = _stat(path)
        if found is None or not _is_ours(found) or found.st_atime > time.time():
            return None
        return Count(found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size)

    def add(self) -> None:
        """Count a revocation that is committed."""
        path = self._path()
        if path is not None and not _append(path, b"."):
            self.remove()  # no space, or no descriptor: a file that is missing says the same

    def announce(self) -> None:
        """Let the table be asked each time for the next COMMIT_SECONDS: a revocation is about to be
        committed, and nobody can tell when."""
        path = self._path()
        if path is not None and _append(path, b".", os.O_CREAT):
            moment = time.time()
            with suppress(OSError):
                os.utime(path, (moment + COMMIT_SECONDS, moment))

    def remove(self) -> None:
        """Remove the file, when a process ends; one that goes on makes another."""
        if self._known is not None:
            with suppress(OSError):
                self._known.unlink()

    def _path(self) -> Path | None:
        if self._known is None:
            name = self._database()
            if name is None:
                return None
            folder = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
            digest = sha256(name.encode()).hexdigest()[:16]
            self._known = folder / f"ordercast-revocations-{os.geteuid()}-{digest}"
        return self._known


def _stat(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _is_ours(found: os.stat_result) -> bool:
    is_private = stat.S_ISREG(found.st_mode) and not found.st_mode & 0o077
    return is_private and found.st_uid == os.geteuid()


def _append(path: Path, data: bytes, flags: int = 0) -> bool:
    """Append to the file, which O_CREAT among the flags makes -> False for an error. A file that is
    missing is none: no process compares with it, and the next that does makes another."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | flags, MODE)
        try:
            os.write(file, data)
        finally:
            os.close(file)
    except FileNotFoundError:
        return True
    except OSError as exc:
        logger.warning("revocations not counted", extra={"path": str(path), "error": str(exc)})
        return False
    return True
