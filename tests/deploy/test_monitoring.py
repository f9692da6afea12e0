"""Prometheus' rules and Grafana's dashboard of deploy/: of series that exist, and held to cases."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.processes.process import ROOT

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "ordercast.rules.yml"
CASES = Path(__file__).parent / "rules.test.yml"
SERIES = re.compile(r"\bordercast_[a-z_]+")
PARTS = re.compile(r"_(bucket|count|sum)$")  # of a histogram


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["promtool", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def alerts() -> set[str]:
    return set(re.findall(r"- alert: (\w+)", RULES.read_text()))


def test_the_configuration_and_the_rules_are_prometheus_own(tmp_path: Path) -> None:
    for path in (DEPLOY / "prometheus").iterdir():
        shutil.copy(path, tmp_path)
    found = promtool("check", "config", str(tmp_path / "prometheus.yml"))
    assert found.returncode == 0, found.stdout + found.stderr


def test_each_alert_fires_for_its_case_and_for_no_good_one() -> None:
    found = promtool("test", "rules", str(CASES))
    assert found.returncode == 0, found.stdout + found.stderr
    tested = re.findall(r"alertname: (\w+)\n +exp_alerts:(.*)", CASES.read_text())
    assert {name for name, expected in tested if expected != " []"} == alerts()
    assert {name for name, expected in tested if expected == " []"} == alerts()


@pytest.mark.parametrize("name", ["prometheus/ordercast.rules.yml", "grafana/ordercast.json"])
def test_every_series_that_is_asked_for_is_one_of_the_service(name: str) -> None:
    declared = set(SERIES.findall((ROOT / "docs" / "metrics.md").read_text()))
    asked = SERIES.findall((DEPLOY / name).read_text())
    assert asked
    assert {PARTS.sub("", series) for series in asked} - declared == set()


def test_every_alert_is_among_what_operators_read() -> None:
    read = (ROOT / "docs" / "operations.md").read_text()
    assert {name for name in alerts() if f"`{name}`" not in read} == set()


def test_the_dashboard_has_a_row_for_each_group_of_rules() -> None:
    panels = json.loads((DEPLOY / "grafana" / "ordercast.json").read_text())["panels"]
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    groups = re.findall(r"- name: '\d\. (.*)'", RULES.read_text())
    assert rows == groups
    assert len({panel["id"] for panel in panels}) == len(panels)
