"""The users of Redis and of Sentinels as docs/operations.md shows them, for an operator to copy."""

import re
from typing import Any

import redis

from tests.harness.processes.process import ROOT

SHOWN = re.compile(r"^ACL SETUSER (\S+) (on >PASSWORD .*)$", re.MULTILINE)
SENTINELS = "sentinels"  # the user that is not Redis' own


def users() -> dict[str, list[str]]:
    """The rules of each user, by its name."""
    page = (ROOT / "docs" / "operations.md").read_text()
    found = {name: rules.split() for name, rules in SHOWN.findall(page)}
    assert found, "docs/operations.md shows no user"
    return found


def add_users(admin: redis.Redis, password: str) -> None:
    """Add them as they are shown, with this password, and close the door for everybody else."""
    for name, rules in users().items():
        if name != SENTINELS:
            _run(admin, "ACL", "SETUSER", name, *_with(password, rules))


def sentinel_line(password: str) -> str:
    """The line of a Sentinel's configuration for its user."""
    return " ".join(("user", SENTINELS, *_with(password, users()[SENTINELS])))


def denied(admin: redis.Redis) -> list[Any]:
    """What the users tried and were not allowed to do."""
    log: list[Any] = _run(admin, "ACL", "LOG")
    return log


def _with(password: str, rules: list[str]) -> list[str]:
    return [f">{password}" if rule == ">PASSWORD" else rule for rule in rules]


def _run(admin: redis.Redis, *command: str) -> Any:
    return admin.execute_command(*command)  # type: ignore[no-untyped-call]
