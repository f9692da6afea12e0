"""The units of deploy/systemd, as systemd reads them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from app.config import Settings
from tests.harness.processes.process import BIN, ROOT, SECRET

UNITS = ROOT / "deploy" / "systemd"
INSTALLED = "/opt/ordercast"
MOST_EXPOSED = 2.0  # of 10, by systemd's own measure


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_LOG_LEVEL": "warning"}
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


@pytest.fixture(params=["ordercast-web.service", "ordercast-worker.service"])
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The unit, with this checkout in the place of an installed one."""
    text = (UNITS / request.param).read_text()
    assert f"{INSTALLED}/.venv/bin/" in text
    text = text.replace(f"{INSTALLED}/.venv/bin", str(BIN)).replace(INSTALLED, str(ROOT))
    path: Path = tmp_path / request.param
    path.write_text(text)
    return path


def test_systemd_has_nothing_to_complain_about(unit: Path) -> None:
    found = analyze("verify", "--man=no", str(unit))
    complaints = [line for line in found.stderr.splitlines() if unit.name in line]
    assert (complaints, found.returncode) == ([], 0), found.stderr


def test_the_unit_is_hardened(unit: Path) -> None:
    found = analyze("security", "--offline=true", "--no-pager", str(unit))
    exposed = re.search(r"Overall exposure level.*?: (\d+\.\d)", found.stdout)
    assert exposed, found.stdout + found.stderr
    assert float(exposed[1]) <= MOST_EXPOSED


def test_the_environment_is_one_that_the_service_takes() -> None:
    lines = (UNITS / "ordercast.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert given["JWT_SECRET_KEY"] == ""  # nobody's secret is in a file that everybody has
    settings = Settings.of({**given, "JWT_SECRET_KEY": SECRET})
    assert settings.PRIVATE_ADDRESS is not None
