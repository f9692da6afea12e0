"""The public names: loaded when they are used, and light."""

import subprocess
import sys

import pytest

import ordercast
from tests.harness.processes.process import ROOT

LIGHT = ("Event", "Identity", "Inbox", "Ordercast", "Refuse")
SHOW = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after this statement."""
    command = [sys.executable, "-c", f"{statement}; {SHOW}"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(shown.stdout.split())


def test_every_public_name_can_be_imported() -> None:
    for name in ordercast.__all__:
        assert getattr(ordercast, name) is not None
    assert set(ordercast.__all__) <= set(dir(ordercast))


def test_another_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Kafka'"):
        ordercast.Kafka  # noqa: B018


def test_the_package_itself_loads_nothing_else() -> None:
    assert not loaded_by("import ordercast") & {"flask", "pydantic", "redis", "sqlalchemy"}


@pytest.mark.parametrize("name", [name for name in LIGHT if name in ordercast.__all__])
def test_what_a_script_imports_loads_no_flask(name: str) -> None:
    modules = loaded_by(f"from ordercast import {name}")
    assert not modules & {"flask", "flask_socketio", "gevent", "socketio"}
