"""The users of Redis as deploy/redis/users.acl has them, for an operator to copy."""

from pathlib import Path
from typing import Any

import redis

from tests.harness.processes.process import ROOT

FILE = ROOT / "deploy" / "redis" / "users.acl"
NOBODY, ANYBODY = "user default off", "user default on nopass ~* &* +@all"
PASSWORD = "of-the-users-of-redis"
REPLICATING = ("--masteruser", "replicas", "--masterauth", PASSWORD)


def options(folder: Path) -> tuple[str, ...]:
    """The options of a redis-server with these users, and PASSWORD; the tests themselves ask it
    without a password."""
    text = FILE.read_text()
    for operators, ours in ((NOBODY, ANYBODY), (">PASSWORD", f">{PASSWORD}")):
        assert operators in text
        text = text.replace(operators, ours)
    path = folder / "users.acl"
    path.write_text(text)
    return ("--aclfile", str(path), *REPLICATING)


def rules(name: str) -> list[str]:
    """Of a user, without the password."""
    for line in FILE.read_text().splitlines():
        _, found, *given = line.split()
        if found == name:
            return [rule for rule in given if rule not in ("on", ">PASSWORD")]
    raise KeyError(name)


def denied(admin: redis.Redis) -> list[Any]:
    """What the users tried and were not allowed to do."""
    log: list[Any] = admin.execute_command("ACL", "LOG")  # type: ignore[no-untyped-call]
    return log
