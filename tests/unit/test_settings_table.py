"""The README's tables of variables: each setting is in them once, with the default that it has."""

import re

import pytest

from app.config import Settings
from tests.harness.processes.process import ROOT

ROW = re.compile(r"\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \| ([^|]*?) ?\| ", re.MULTILINE)


def rows() -> list[tuple[str, str]]:
    """(variable, default as it is shown)."""
    found: list[tuple[str, str]] = []
    for names, defaults in ROW.findall((ROOT / "README.md").read_text()):
        several = names.split(", ")
        shown = defaults.split(", ") if len(several) > 1 else [defaults]
        found += zip([name.strip("`") for name in several], shown, strict=True)
    return found


def test_every_setting_is_in_a_table_once() -> None:
    assert sorted(name for name, _ in rows()) == sorted(Settings.model_fields)


@pytest.mark.parametrize(("name", "shown"), [row for row in rows() if row[1].strip("`")])
def test_a_number_or_a_name_shown_is_the_default(name: str, shown: str) -> None:
    default = Settings.model_fields[name].default
    if isinstance(default, int | float):
        assert float(shown) == default
    elif shown.startswith("`") and shown.endswith("`"):
        assert shown.strip("`") == default
