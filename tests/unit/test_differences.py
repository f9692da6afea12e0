"""docs/differences.md: every option of Flask-SocketIO is in its table."""

import inspect
import re

import pytest
import socketio
from engineio import Server as EngineServer
from flask_socketio import SocketIO

from tests.harness.processes.process import ROOT

PAGE = (ROOT / "docs" / "differences.md").read_text()
TABLE = PAGE.partition("## Options of SocketIO(...)")[2].partition("\n## ")[0]
LISTED = set(re.findall(r"`(\w+)[`=]", TABLE))
IN_THE_DOCSTRING = set(re.findall(r":param (\w+):", SocketIO.__doc__ or ""))
TAKEN = {
    *inspect.signature(socketio.Server.__init__).parameters,
    *inspect.signature(EngineServer.__init__).parameters,
    *IN_THE_DOCSTRING,
} - {"self", "app", "kwargs", "resource", "args"}


@pytest.mark.parametrize("option", sorted(TAKEN))
def test_an_option_of_stock_is_in_the_table(option: str) -> None:
    assert option in LISTED
