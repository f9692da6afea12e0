"""How connections end: the table in code, what is made of it, and that all of it is used."""

import re
from pathlib import Path

import pytest

from ordercast.endings import ENDINGS, Ending, ServiceEnding, Told, TransportEnding
from ordercast.metrics import CONNECTIONS_CLOSED
from ordercast.transport.frames import MAX_CONTROL_BYTES, close_payload

ROOT = Path(__file__).parents[2]
HEAD = """| ending | the server's reason | WebSocket code | stock client comes back | what ends it |
|---|---|---|---|---|
"""


def row(ending: Ending) -> str:
    code = "none" if ending.told is Told.NEVER else str(int(ending.code))
    comes_back = "yes" if ending.comes_back else "no"
    name = ending.name.lower()
    return f"| `{name}` | {ending.reason} | {code} | {comes_back} | {ending.meaning} |\n"


def test_the_table_of_the_document_is_the_one_in_code() -> None:
    table = HEAD + "".join(map(row, ENDINGS))
    assert table in (ROOT / "docs/protocol.md").read_text(), f"docs/protocol.md needs:\n{table}"


@pytest.mark.parametrize("kind", [TransportEnding, ServiceEnding])
def test_no_two_endings_are_the_same(kind: type[Ending]) -> None:
    assert list(kind.__members__) == [ending.name for ending in kind]  # an alias has another's name


def test_no_name_is_in_both_halves() -> None:
    assert len({ending.name for ending in ENDINGS}) == len(ENDINGS)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_an_ending_is_named_where_something_ends(ending: Ending) -> None:
    name = f"{type(ending).__name__}.{ending.name}"
    modules = set((ROOT / "ordercast").rglob("*.py")) - {ROOT / "ordercast/transport/endings.py"}
    assert any(re.search(rf"\b{name}\b", module.read_text()) for module in modules)


def test_the_metrics_labels_are_those_that_it_names() -> None:
    named = set(re.findall(r"[a-z]+(?= \()", CONNECTIONS_CLOSED._documentation))
    assert {ending.label for ending in ENDINGS} - {""} == named


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_a_close_code_may_be_sent_and_its_text_fits(ending: Ending) -> None:
    assert close_payload(ending.code, ending.text)[2:].decode() == ending.text
    assert len(ending.text.encode()) <= MAX_CONTROL_BYTES - 2


@pytest.mark.parametrize(
    ("told", "answer"), [("ALWAYS", (1, 1)), ("ON_WEBSOCKET", (0, 1)), ("NEVER", (0, 0))]
)
def test_a_client_is_told_as_the_ending_says(told: str, answer: tuple[int, int]) -> None:
    some = [ending for ending in ENDINGS if ending.told is Told[told]]
    assert {(e.is_told(on_websocket=False), e.is_told(on_websocket=True)) for e in some} == {answer}
