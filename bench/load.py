"""The load generator: many websocket clients in one C process (bench/load.c)."""

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jwt

from tests.harness.processes.process import SECRET

SOURCE = Path(__file__).with_name("load.c")
TOKEN_LASTS = 4_000_000_000  # seconds since 1970: longer than any run
ISSUED = 1_700_000_000  # seconds since 1970


def sub(number: int) -> str:
    """A user id of eight digits: values stamped into events have a fixed width."""
    return f"{number:08d}"


def claims(number: int, role: str, serial: int) -> dict[str, Any]:
    """Those of an access token as `flask token` makes them."""
    return {
        "fresh": False,
        "iat": ISSUED,
        "jti": f"{serial:032x}",
        "type": "access",
        "sub": sub(number),
        "nbf": ISSUED,
        "exp": TOKEN_LASTS,
        "role": role,
    }


def signed_with_secret(payload: Mapping[str, Any]) -> str:
    return jwt.encode(dict(payload), SECRET, algorithm="HS256")


Sign = Callable[[Mapping[str, Any]], str]


def compile_load(folder: Path) -> Path:
    """Compile load.c -> the program."""
    if shutil.which("cc") is None:
        raise SystemExit("a C compiler (cc) is needed for the load generator")
    program = folder / "load"
    command = ["cc", "-O2", "-Wall", "-D_GNU_SOURCE", "-o", str(program), str(SOURCE)]
    subprocess.run(command, check=True)
    return program


class LoadError(Exception):
    """The load generator ended; the reason is on standard error."""


class Load:
    """The load generator, with a client for each (user number, role), in this order; commands as in
    load.c."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        port: int,
        users: Sequence[tuple[int, str]],
        sign: Sign = signed_with_secret,
    ) -> None:
        lines = (
            f"{sub(user)} {sign(claims(user, role, i))}\n" for i, (user, role) in enumerate(users)
        )
        tokens = folder / "tokens"
        tokens.write_text("".join(lines))
        self._process = subprocess.Popen(
            [program, str(port), tokens], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def connect(self, count: int) -> dict[str, Any]:
        """Connect the next `count` clients -> {connected, seconds}."""
        return self._ask(f"connect {count}")

    def expect(self, who: Literal["all", "one"], *, first: int, count: int) -> dict[str, Any]:
        """Start counting the events `first` to `first + count` -> {expected, cpuSeconds}."""
        return self._ask(f"expect {who} {first} {count}")

    def report(self, *, seconds: float) -> dict[str, Any]:
        """Wait for all expected events, at most `seconds` -> counts, and latencies in ms."""
        return self._ask(f"report {seconds}")

    def _ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(command, file=self._process.stdin, flush=True)
        except BrokenPipeError as exc:
            raise LoadError(command) from exc
        answer = self._process.stdout.readline()
        if not answer:
            raise LoadError(command)
        report: dict[str, Any] = json.loads(answer)
        return report

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()
