"""What `make run` and `make test` bring to a machine that has only Python and make."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.processes.process import ROOT

ANCIENT = "#!/bin/sh\necho v18.20.4\n"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A virtual environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    return tmp_path / "venv" / "bin" / "python"


def run(*command: str | Path, path: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": str(path)}
    return subprocess.run(
        list(command), cwd=ROOT, env=env, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("had", [None, ANCIENT], ids=["none", "an old one"])
def test_node_comes_from_its_wheel_where_there_is(
    had: str | None, python: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if had is not None:
        (elsewhere / "node").write_text(had)
        (elsewhere / "node").chmod(0o755)

    done = run(python, "-m", "tools.node", path=elsewhere)

    assert done.returncode == 0, done.stderr
    assert ("here is 18.20" if had else "here is none") in done.stdout
    for tool in ("node", "npm", "npx"):
        said = run(python.parent / tool, "--version", path=python.parent)
        assert said.returncode == 0, said.stderr
    # With the environment first in the PATH there is nothing left to do.
    again = run(python, "-m", "tools.node", path=python.parent)
    assert (again.returncode, again.stdout) == (0, "")


def test_the_machines_own_node_is_left_to_it(python: Path) -> None:
    """This machine has one by now, of whatever origin: these tests use it."""
    done = subprocess.run([python, "-m", "tools.node"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
    assert not (python.parent / "node").exists()


def test_a_machine_that_has_all_the_programs_is_left_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.machine"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
