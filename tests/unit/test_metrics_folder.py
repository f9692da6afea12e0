"""The folder in which the processes of a host keep their series: slots, ghosts, leftovers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ordercast.monitoring import folder as folders
from ordercast.monitoring.folder import RESERVED_BYTES, HostFolder, is_alive, make, take_slot

TAKEN = """
import sys
from pathlib import Path
from ordercast.monitoring.folder import {function}
print({function}({argument}), flush=True)
sys.stdin.read()
"""


@contextmanager
def process(function: str, argument: str, **environ: str) -> Iterator[str]:
    """A process that calls the function and lives until the end of the block -> what it returned;
    then it is killed."""
    code = TAKEN.format(function=function, argument=argument)
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    assert running.stdout is not None
    assert running.stdin is not None
    with running.stdout, running.stdin:
        try:
            yield running.stdout.readline().strip()
        finally:
            running.kill()
            running.wait()


def test_each_living_process_has_a_slot_and_the_next_takes_that_of_a_dead_one(
    tmp_path: Path,
) -> None:
    place = f"Path({str(tmp_path)!r})"
    with process("take_slot", place) as first, process("take_slot", place) as second:
        assert {first, second} == {"0", "1"}
        assert is_alive(tmp_path, first)
        assert is_alive(tmp_path, second)
    assert not is_alive(tmp_path, first)
    assert not is_alive(tmp_path, "7")
    assert take_slot(tmp_path) == "0"
    assert is_alive(tmp_path, "0")


def test_who_takes_a_slot_keeps_its_counters_and_none_of_its_gauges(tmp_path: Path) -> None:
    for name in ("counter_0.db", "gauge_livesum_0.db", "gauge_all_0.db", "gauge_all_10.db"):
        (tmp_path / name).write_bytes(b"of before")
    assert take_slot(tmp_path) == "0"
    assert (tmp_path / "counter_0.db").read_bytes().startswith(b"of before")
    assert not (tmp_path / "gauge_all_0.db").exists()
    assert (tmp_path / "gauge_all_10.db").exists()
    assert (tmp_path / "gauge_livesum_0.db").read_bytes().strip(b"\0") == b""


def test_the_space_is_reserved_before_it_is_written(tmp_path: Path) -> None:
    take_slot(tmp_path)
    blocks = {file.name: file.stat().st_blocks * 512 for file in tmp_path.glob("*.db")}
    assert blocks.keys() == {f"{kind}_0.db" for kind in RESERVED_BYTES}
    assert all(blocks[f"{kind}_0.db"] >= size for kind, size in RESERVED_BYTES.items())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place for temporary files: of this test alone, and short of no other."""
    monkeypatch.setattr(folders, "places", lambda: iter([tmp_path]))
    return tmp_path


def test_a_master_removes_what_a_killed_one_left_and_nothing_of_others(place: Path) -> None:
    killed, another = place / f"{folders.MASTERS}killed", place / "another-service"
    for folder in (killed, another):
        folder.mkdir()
        (folder / "counter_0.db").touch()
        os.utime(folder, (0, 0))
    young = place / f"{folders.MASTERS}young"
    young.mkdir()
    made = make(os.getuid(), os.getgid())
    os.utime(made, (0, 0))
    assert make(os.getuid(), os.getgid()) != made
    assert sorted(place.iterdir()) == sorted({*place.glob(f"{folders.MASTERS}*"), another})
    assert made.exists()
    assert young.exists()
    assert not killed.exists()


def test_the_folder_of_a_host_is_shared_by_the_living_and_begins_empty(place: Path) -> None:
    left = place / f"{folders.HOSTS}{os.geteuid()}-9000"
    left.mkdir(mode=0o700)
    (left / "counter_3.db").touch()
    first = HostFolder("9000")
    folder = first.path
    assert folder == left
    assert list(folder.iterdir()) == []
    (folder / "counter_0.db").touch()
    second = HostFolder("9000")
    assert second.path == folder
    assert (folder / "counter_0.db").exists()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert HostFolder("9001").path != folder
    first.leave()
    assert folder.exists()  # the second is still in it


def test_the_last_process_of_a_host_removes_its_folder(place: Path) -> None:
    only = HostFolder("9000")
    only.leave()
    assert not only.path.exists()
    again = HostFolder("9000")
    assert again.path.exists()
    again.leave()


def test_a_folder_that_another_may_enter_is_refused(place: Path) -> None:
    folder = place / f"{folders.HOSTS}{os.geteuid()}-9000"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(OSError, match="is not this user's alone"):
        HostFolder("9000")
