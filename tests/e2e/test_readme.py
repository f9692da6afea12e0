"""The README's commands, run as they stand there, by somebody who has nothing but the README."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Settings
from tests.harness.processes import ROOT, Process, Service
from tests.harness.servers import RedisServer
from tests.harness.waiting import wait_until

README = (ROOT / "README.md").read_text()


def blocks(section: str, language: str) -> list[str]:
    """The code blocks of a language under a heading."""
    text = re.search(rf"^## {section}$(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert text
    return re.findall(rf"^```{language}\n(.*?)^```$", text[1], re.M | re.S)


@pytest.fixture
def service(sqlite_url: str, redis_server: RedisServer, tmp_path: Path) -> Iterator[Service]:
    """What `make run` starts: SQLite, demo data, a web process and a worker."""
    service = Service(tmp_path, database_url=sqlite_url, redis_url=redis_server.url)
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
    env = {**service.env, "URL": service.url}
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
    [command] = blocks("Emit from your own scripts", "sh")
    inside, stock = blocks("Emit from your own scripts", "python")

    shell(command, service)
    wait_until(lambda: "From the shell" in alice.output(), "the shell's notification")

    in_the_app = f"from wsgi import app\nwith app.app_context():\n{indented(inside)}"
    subprocess.run([sys.executable, "-c", in_the_app], cwd=ROOT, env=service.env, check=True)
    wait_until(lambda: "Thank you" in alice.output(), "the app's notification")

    script = stock.replace("redis://127.0.0.1:6390/0", service.env["REDIS_URL"])
    subprocess.run([sys.executable, "-c", script], cwd="/", env=service.env, check=True)
    wait_until(lambda: "From a script" in alice.output(), "the script's notification")


def indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.splitlines())


def test_every_setting_is_in_the_configuration_table() -> None:
    section = README.split("## In production")[1].split("## ")[0]
    missing = [name for name in Settings.model_fields if f"`{name}`" not in section]
    assert missing == []
