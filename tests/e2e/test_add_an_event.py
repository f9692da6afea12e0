"""docs/add-an-event.md: each of its blocks, run or compiled as it stands there, in its order."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ordercast.testing import LiveServer
from tests.harness.processes.process import ROOT, Process
from tests.harness.waiting import wait_until

PAGE = (ROOT / "docs" / "add-an-event.md").read_text()
CLIENT = ROOT / "client"
TSC = CLIENT / "node_modules" / "typescript" / "bin" / "tsc"
COMPILE = ("--strict", "--target", "ES2022", "--module", "nodenext", "--jsx", "react-jsx")
SHOWN_URL = "http://127.0.0.1:5000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page, and with the package that the page's code imports."""
    folder = tmp_path_factory.mktemp("parcels")
    for language, comment in (("python", "# "), ("ts", "// "), ("tsx", "// ")):
        for block in blocks(language):
            name, _, code = block.partition("\n")
            if "." in (file := name.removeprefix(comment)) and " " not in file:
                (folder / file).write_text(code)
    modules = folder / "node_modules"
    modules.mkdir()
    for module in (CLIENT / "node_modules").iterdir():
        (modules / module.name).symlink_to(module)
    package = modules / "@ordercast" / "client"
    package.mkdir(parents=True)
    (package / "package.json").write_text((CLIENT / "package.json").read_text())
    settings, built = str(CLIENT / "tsconfig.build.json"), str(package / "dist")
    subprocess.run(["node", str(TSC), "-p", settings, "--outDir", built], check=True)
    (folder / "package.json").write_text('{ "type": "module" }')
    return folder


def env(**more: str) -> dict[str, str]:
    """The environment of the team's commands: this library, and the page's app in the folder."""
    own = {"PYTHONPATH": str(ROOT), "FLASK_APP": "app:create_app"}
    database = {"FLASK_SQLALCHEMY_DATABASE_URI": "sqlite://"}
    secret = {"FLASK_SECRET_KEY": "the-secret-of-another-team-that-is-long-enough"}
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return {**os.environ, **own, **database, **secret, **path, **more}


def run(project: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(command), cwd=project, env=env(), capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def typed(project: Path) -> Path:
    """The project after the page's command for its types."""
    write, _ = blocks("sh")
    done = run(project, "sh", "-c", write)
    assert done.returncode == 0, done.stderr
    return project


def test_the_test_of_the_page_passes(project: Path) -> None:
    done = run(project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".")
    assert "1 passed" in done.stdout, done.stdout


def test_the_types_are_those_that_the_page_shows(typed: Path) -> None:
    written = (typed / "ordercast.ts").read_text()
    assert written in blocks("ts")
    _, check = blocks("sh")
    assert run(typed, "sh", "-c", check).returncode == 0


@pytest.fixture
def server(typed: Path) -> Iterator[LiveServer]:
    database = f"sqlite:///{typed}/parcels.db"
    given = env(FLASK_SQLALCHEMY_DATABASE_URI=database)
    with LiveServer("app:create_app()", env=given, folder=typed) as server:
        yield server


def test_the_code_of_the_page_compiles_and_shows_each_move(typed: Path, server: LiveServer) -> None:
    page = (typed / "page.ts").read_text()
    assert SHOWN_URL in page
    (typed / "page.ts").write_text(page.replace(SHOWN_URL, server.url))
    compiled = run(typed, "node", TSC, *COMPILE, "page.ts", "Depot.tsx")
    assert (compiled.returncode, compiled.stdout) == (0, "")

    def move(place: str) -> None:
        assert httpx.put(f"{server.url}/parcels/7", json={"place": place}).status_code == 200

    def show(place: str) -> str:
        return f'ready [{{"id":"7","place":"{place}"}}]'

    move("door")
    process = Process(["node", "page.js"], env=env(), log=typed / "page.log", folder=typed)
    try:
        wait_until(lambda: show("door") in process.output(), "it shows the snapshot")
        move("ramp")
        wait_until(lambda: show("ramp") in process.output(), "it shows the move")
        assert re.search(r"^7 is at ramp, offset \d+$", process.output(), re.M)
    finally:
        process.kill()
