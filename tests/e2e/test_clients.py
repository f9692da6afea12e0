"""The clients of docs/clients, run as they stand there."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.faults.proxy import Proxy
from tests.harness.people.person import Person, notify
from tests.harness.processes.external import run_script
from tests.harness.processes.process import ROOT, Process
from tests.harness.processes.service import Service
from tests.harness.waiting import wait_until

CLIENTS = ROOT / "docs/clients"
COMMANDS = {"node": ["node", "follow.mjs"], "python": [sys.executable, "follow.py"]}


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """What they need, as their README installs it; quick when it is there already."""
    there = CLIENTS / "node_modules/.package-lock.json"
    lock = CLIENTS / "package-lock.json"
    if not there.exists() or there.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(["npm", "ci", "--silent"], cwd=CLIENTS, check=True, timeout=300)


class Follower:
    """One client and its restarts: what all of them have printed, together."""

    def __init__(self, command: list[str], person: Person, service: Service, folder: Path) -> None:
        script = str(CLIENTS / command[1])
        self._command = [command[0], script, person.credentials[0]]
        self._env = {**service.env, "PASSWORD": person.credentials[1]}
        self._env |= {"URL": person.url, "PLACE": str(folder / "place.json")}
        self._log = folder / "follow.log"
        self.process: Process | None = None

    def start(self, url: str | None = None) -> "Follower":
        env = {**self._env, **({"URL": url} if url else {})}
        before = self.connects()
        self.process = Process(self._command, env=env, log=self._log)
        wait_until(lambda: self.connects() > before, f"it connects: {self.process.output()}")
        return self

    def place(self) -> dict[str, Any]:
        """What it keeps; it writes the file whole, or not at all."""
        kept: dict[str, Any] = json.loads(Path(self._env["PLACE"]).read_text())
        return kept

    def connects(self) -> int:
        return self._log.read_text().count("connected") if self._log.exists() else 0

    def said(self, what: str) -> int:
        return self._log.read_text().count(what)

    def events(self) -> list[Any]:
        lines = self._log.read_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in lines if line.startswith("[")]

    def titles(self) -> list[str]:
        return [payload["title"] for _, payload, _ in self.events()]

    def close(self) -> None:
        if self.process is not None and self.process.is_running():
            self.process.kill()


@pytest.fixture(params=COMMANDS)
def follower(
    request: pytest.FixtureRequest, service: Service, alice: Person, tmp_path: Path
) -> Iterator[Follower]:
    follower = Follower(COMMANDS[request.param], alice, service, tmp_path)
    yield follower
    follower.close()


def test_a_follower_misses_nothing_over_its_restarts(follower: Follower, alice: Person) -> None:
    follower.start()
    note = notify(alice.url, alice.id, title="one")
    wait_until(lambda: follower.titles() == ["one"], "the first")
    [[name, payload, offset]] = follower.events()
    assert (name, payload) == ("notification", note)
    assert offset.isdecimal()

    # It prints an event, and then keeps its place: killed in between it is told once more.
    wait_until(lambda: follower.place().get("offset") == offset, "its place is kept")
    follower.close()  # kill -9
    for title in ("two", "three"):
        notify(alice.url, alice.id, title=title)
    follower.start()
    notify(alice.url, alice.id, title="four")
    wait_until(lambda: "four" in follower.titles(), "the last")
    assert follower.titles() == ["one", "two", "three", "four"]
    assert follower.said("connected, recovered") == 1


def test_a_follower_comes_back_after_a_cut(
    follower: Follower, service: Service, alice: Person, network: Callable[[Service], Proxy]
) -> None:
    proxy = network(service)
    follower.start(proxy.url)
    proxy.down()
    notify(alice.url, alice.id, title="missed")
    proxy.up()
    wait_until(lambda: follower.titles() == ["missed"], "what it missed")
    assert follower.said("connected, recovered") == 1


def test_a_follower_ends_with_its_session(
    follower: Follower, service: Service, alice: Person
) -> None:
    follower.start()
    assert service.flask("revoke", "--user", alice.id).returncode == 0
    assert follower.process is not None
    assert follower.process.wait() != 0
    assert follower.said("logged out") >= 1


def test_the_page_is_short() -> None:
    assert len((CLIENTS / "page.html").read_text().splitlines()) <= 40


def blocks(text: str) -> list[str]:
    """The Python in a page of Markdown."""
    return [part.partition("```")[0] for part in text.split("```python\n")[1:]]


def test_the_handlers_of_the_stock_python_client_get_what_its_section_says(
    service: Service, alice: Person, tmp_path: Path
) -> None:
    wrap, listen = blocks((CLIENTS / "README.md").read_text())
    assert len(wrap.strip().splitlines()) == 2
    script = tmp_path / "listen.py"
    script.write_text(f"{wrap}\n\n{listen}")
    env = {**service.env, "URL": service.url, "TOKEN": alice.token}
    process = Process([sys.executable, str(script)], env=env, log=tmp_path / "listen.log")
    try:
        service.wait_for_connections(1)
        notify(alice.url, alice.id, title="durable")
        order = json.dumps({"id": "3", "orderNumber": "OC-3", "status": "shipped"})
        emitted = service.flask("emit", "order-status", "--user", alice.id, "--data", order)
        assert emitted.returncode == 0
        run_script(
            service.env["REDIS_URL"],
            f"socketio.emit('notification', {{'title': 'stock'}}, to='user:{alice.id}')",
            f"socketio.emit('order:status', {{'status': 'stock'}}, to='user:{alice.id}')",
        )
        wanted = {"notification durable", "order:status shipped", "order:status stock"}
        wait_until(
            lambda: all(line in process.output() for line in wanted),
            f"it hears: {process.output()}",
        )
        assert "notification stock None" in process.output()
        assert re.search(r"notification durable \d+", process.output())
        assert "TypeError" not in process.output()
    finally:
        process.kill()


def test_a_handler_of_before_is_the_type_error_that_the_section_names(
    service: Service, alice: Person, tmp_path: Path
) -> None:
    wrap, listen = blocks((CLIENTS / "README.md").read_text())
    script = tmp_path / "listen.py"
    script.write_text(f"{wrap}\n\n{listen.replace('offset=None)', ')')}")
    env = {**service.env, "URL": service.url, "TOKEN": alice.token}
    process = Process([sys.executable, str(script)], env=env, log=tmp_path / "listen.log")
    try:
        service.wait_for_connections(1)
        notify(alice.url, alice.id, title="durable")
        wait_until(lambda: "TypeError" in process.output(), f"its log: {process.output()}")
        assert "notification durable" not in process.output()
    finally:
        process.kill()
