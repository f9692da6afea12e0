"""The clients of bench/storm.py: Node processes with stock clients, one of each user."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from bench.load import claims, signed_with_secret, sub
from tests.harness.processes.process import ROOT


class Crowd:
    """`count` clients of the users 0, 1, 2 ... in so many processes, not yet connected."""

    def __init__(self, url: str, count: int, *, processes: int) -> None:
        self._parts = [range(part, count, processes) for part in range(processes)]
        self._processes = []
        for part in self._parts:
            process = subprocess.Popen(
                ["node", "storm.mjs"],
                cwd=ROOT / "bench/node",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._processes.append(process)
            tokens = [signed_with_secret(claims(user, "customer", user)) for user in part]
            self._write(process, json.dumps({"url": url, "tokens": tokens}))

    def wait_connected(self) -> int:
        """-> how many are connected."""
        return sum(report["connected"] for report in self._read())

    def watch(self) -> None:
        """The server is about to die."""
        for process in self._processes:
            self._write(process, "watch")
        self._read()

    def wait_back(self) -> list[float | None]:
        """When each client was connected again, CLOCK_MONOTONIC seconds; None: not in time."""
        found = [when for report in self._read() for when in report["backAt"]]
        return [None if when is None else when / 1000 for when in found]

    def end(self, due: Sequence[int]) -> list[dict[str, Any]]:
        """`due`: how many events each user is to have -> the report of each process; `got` has the
        event numbers of each user of `part`."""
        for process, part in zip(self._processes, self._parts, strict=True):
            self._write(process, json.dumps([due[user] for user in part]))
        reports = self._read()
        return [{**report, "part": part} for report, part in zip(reports, self._parts, strict=True)]

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def _write(self, process: subprocess.Popen[str], line: str) -> None:
        assert process.stdin is not None
        print(line, file=process.stdin, flush=True)

    def _read(self) -> list[dict[str, Any]]:
        reports = []
        for process in self._processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the load ended")
            reports.append(json.loads(line))
        return reports


def user_id(user: int) -> str:
    return sub(user)
