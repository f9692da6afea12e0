"""Which characters a name may hold: what people write, and nothing that hides."""

import unicodedata

import pytest

from app.text import single_line

NAMES = {
    "family of emoji": "Ana \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "heart with a variation": "Teas \u2764\ufe0f",
    "Persian": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Sinhala": "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "Devanagari": "\u0915\u094d\u200d\u0937",
    "no-break space": "Jean\u00a0Luc",
    "narrow no-break space": "250\u202fg",
    "figure space": "No.\u20077",
    "ideographic space": "\u5c71\u7530\u3000\u592a\u90ce",
    "flag of Scotland": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "a letter made of two": "e\u0301lan",
    "Hebrew": "\u05d3\u05d5\u05d3",
    "a letter outside of the basic plane": "\U00020bb7\u91ce",
}
HIDDEN = {
    "NUL": "a\0b",
    "line feed": "a\nb",
    "carriage return": "a\rb",
    "tab": "a\tb",
    "escape": "a\x1b[31m",
    "delete": "a\x7f",
    "next line": "a\u0085b",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "right to left override": "gpj\u202eexe",
    "right to left embedding": "a\u202bb",
    "pop": "a\u202c",
    "isolate": "a\u2066b\u2069",
    "right to left mark": "a\u200f",
    "left to right mark": "a\u200e",
    "Arabic letter mark": "a\u061c",
    "zero width space": "a\u200bb",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "word joiner": "a\u2060b",
    "interlinear annotation": "a\ufff9b",
    "half an emoji": "a\ud83d",
    "private use": "a\ue000",
    "noncharacter": "a\uffff",
    "tags that spell no flag": "Tea \U000e0067\U000e0062",
    "tags behind a flag that has ended": "\U0001f3f4\U000e0067\U000e007f\U000e0067",
}
INVISIBLE = [
    "\u200d",
    "\u200c\u200d\u200c",
    "\u00a0",
    "\u3164",
    "\u2800",
    "\ufe0f",
    "\u115f \u1160",
]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_what_people_write_is_a_name(name: str) -> None:
    assert single_line(name) == name


@pytest.mark.parametrize("name", HIDDEN.values(), ids=HIDDEN.keys())
def test_what_hides_or_turns_the_text_around_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^must be one line without"):
        single_line(name)


@pytest.mark.parametrize("name", INVISIBLE, ids=ascii)
def test_a_name_in_which_there_is_nothing_to_see_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="can be seen"):
        single_line(name)


def test_an_emoji_that_this_python_does_not_know_is_one() -> None:
    newest = "\U0001fadf"
    assert unicodedata.category(newest) in ("Cn", "So")
    assert single_line(newest) == newest
