"""Resources used by the processes of a server, from proc(5)."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time, of all threads.

    From schedstat, in nanoseconds: the ticks of /proc/<pid>/stat are 10 ms, which is a quarter of
    the cheapest row.
    """
    threads = (task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(int((task / "schedstat").read_text().split()[0]) for task in threads) / 1e9


def ended_seconds(pid: int) -> float:
    """User and system time of a process's children that have ended, in ticks of 10 ms (proc(5),
    stat fields 16 and 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICKS


def memory_kb(pids: Iterable[int]) -> dict[str, int]:
    """{Pss_Anon, Pss, Rss}, of smaps_rollup.

    Pss_Anon is the processes' own memory, each page counted once. The other two also count pages of
    files: Pss changes when another program that maps the same node or libc starts or ends.
    """
    total = dict.fromkeys(("Pss_Anon", "Pss", "Rss"), 0)
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        sizes = {name: int(rest.split()[0]) for name, rest in (one.split(":") for one in lines)}
        total = {name: total[name] + sizes[name] for name in total}
    return total
