"""The wheel: the library alone, typed, with its licence, and light to import."""

import json
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import ordercast
from tests.adoption.conftest import Place

LIGHT = "Ordercast, Event, Identity, Refuse, Inbox"
SHOW = f"""
import json, sys
import app
here = app.__file__
for name in [name for name in sys.modules if name.partition(".")[0] in ("flask", "ordercast")]:
    del sys.modules[name]
from ordercast import {LIGHT}
import ordercast
print(json.dumps([here, ordercast.__file__, "flask" in sys.modules]))
"""


def test_the_library_is_alone_in_it(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {
        "ordercast",
        f"ordercast-{ordercast.__version__}.dist-info",
    }
    assert "ordercast/py.typed" in names
    assert any(name.startswith("ordercast/migrations/versions/0001") for name in names)


def test_it_says_what_it_is_and_what_it_needs(wheel: Path) -> None:
    archive = ZipFile(wheel)
    folder = f"ordercast-{ordercast.__version__}.dist-info"
    metadata = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
    assert metadata["License-Expression"] == "MIT"
    assert "MIT License" in archive.read(f"{folder}/licenses/LICENSE").decode()
    needed = {line.partition(">")[0] for line in metadata.get_all("Requires-Dist", [])}
    assert "flask-socketio" in needed
    assert not needed & {"flask-sqlalchemy", "flask-jwt-extended", "argon2-cffi"}


def test_it_imports_beside_a_module_app_of_the_teams_and_loads_no_flask(
    binaries: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path, binaries)
    shown = place.run("python", "-c", SHOW)
    assert shown.returncode == 0, shown.stderr
    own, library, has_flask = json.loads(shown.stdout)
    assert Path(own).parent == tmp_path
    assert binaries.parent in Path(library).parents
    assert not has_flask
