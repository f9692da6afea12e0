"""The folder in which the processes of a host keep their series: one of gunicorn's master, and one
of the background workers of a port. Each process owns a slot, whose number is in its files' names.

A slot is locked (flock) for as long as its process lives, however it ends: the next process takes
the number and goes on with the counters, and the gauges of a slot without a lock are ghosts. So
nothing is cleaned up after a process, and there are no more files than processes at one time.

Only the standard library is imported: gunicorn's master makes its folder before any application.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

MASTERS, HOSTS = "ordercast-metrics-", "ordercast-workers-"  # begin the folders' names
YOUNG_SECONDS = 60.0  # a folder of this age may be not locked yet
# Room for the series of one process in each kind of file, so that a full disk is an error here and
# no SIGBUS at a later write into the mapped file.
RESERVED_BYTES = {"counter": 262_144, "histogram": 1_048_576, "gauge_livesum": 65_536}
RESERVED_BYTES |= {"gauge_liveall": 65_536, "gauge_livemax": 65_536}


def places() -> Iterator[Path]:
    """Where temporary files may be, memory first: pages of a mapped file on a disk are written
    again and again, and a write into one waits for that."""
    given, runtime = os.environ.get("TMPDIR"), os.environ.get("XDG_RUNTIME_DIR")
    yield from map(Path, filter(None, ("/dev/shm", runtime, given, "/tmp")))  # noqa: S108


def make(uid: int, gid: int) -> Path:
    """A fresh private folder for the processes of this one, which belong to that user. It stays
    locked until all of them have ended: a cleaner of temporary files leaves it alone. Removes the
    folders of masters that were killed. Raises OSError."""
    for place in places():
        try:
            _sweep(place)
            folder = Path(tempfile.mkdtemp(prefix=MASTERS, dir=place))
        except OSError:
            continue
        os.chown(folder, uid, gid)
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)  # open until this process ends
        return folder
    raise OSError("no folder for temporary files can be written")


class HostFolder:
    """The private folder with this name, which several processes of one user share; emptied when
    none of them is alive. Raises OSError."""

    def __init__(self, name: str) -> None:
        for place in places():
            try:
                _sweep(place)
                self.path, self._lock = _entered(place / f"{HOSTS}{os.geteuid()}-{name}")
            except FileExistsError:  # another user's: whoever made it may read and change all
                raise
            except OSError:
                continue
            return
        raise OSError("no folder for temporary files can be written")

    def leave(self) -> None:
        """At the end of this process: remove the folder, if no other process shares it."""
        with suppress(BlockingIOError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(self.path)


def _entered(folder: Path) -> tuple[Path, int]:
    """Make the folder, or share it -> its path, and its lock, which is open until this process
    ends."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # in /tmp anybody can make a folder or a link of that name
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise FileExistsError(f"{folder} is not this user's alone")
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        with suppress(BlockingIOError):  # others are alive
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for file in folder.iterdir():
                file.unlink()
        fcntl.flock(lock, fcntl.LOCK_SH)
        # Another process may have left, and removed the folder, before the lock was taken.
        if folder.exists() and os.path.samestat(os.fstat(lock), folder.stat()):
            return folder, lock
        os.close(lock)


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def take_slot(folder: Path) -> str:
    """The lowest number that no living process has, as a text; this process has it until it ends.
    Raises OSError."""
    for number in count():
        lock = os.open(_lock(folder, str(number)), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        for ghost in folder.glob(f"gauge_*_{number}.db"):
            ghost.unlink()
        for kind, size in RESERVED_BYTES.items():
            with (folder / f"{kind}_{number}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        return str(number)
    raise AssertionError


def is_alive(folder: Path, slot: str) -> bool:
    """Whether a living process has this slot."""
    try:
        lock = os.open(_lock(folder, slot), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        # Shared: two that ask at the same time must not take each other for the process.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def is_own(folder: Path) -> bool:
    """Whether the folder is one of these, and not a team's."""
    return folder.name.startswith((MASTERS, HOSTS))


def _lock(folder: Path, slot: str) -> Path:
    return folder / f"{slot}.slot"


def _sweep(place: Path) -> None:
    """Remove the folders of this user's masters and workers that have ended."""
    for folder in (*place.glob(f"{MASTERS}*"), *place.glob(f"{HOSTS}*")):
        with suppress(OSError):  # another user's, or gone meanwhile
            found = folder.lstat()
            if found.st_uid != os.geteuid() or time.time() - found.st_mtime < YOUNG_SECONDS:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)
            finally:
                os.close(lock)
