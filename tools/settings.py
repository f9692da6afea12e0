"""`make docs`: the table of settings in docs/library.md, from the settings' declarations. With
`--check` nothing is written, and a table that differs is an error.
"""

import re
import sys
from pathlib import Path
from typing import Any

from ordercast import Settings

FILE = Path(__file__).parent.parent / "docs/library.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"


def main(arguments: list[str]) -> int:
    """Write the table, or compare it -> the exit code."""
    text = FILE.read_text()
    made = with_table(text)
    if arguments != ["--check"]:
        FILE.write_text(made)
    elif made != text:
        print("docs/library.md does not say what ordercast/settings.py declares: run `make docs`")
        return 1
    return 0


def with_table(text: str) -> str:
    """The page with the table as it is declared now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def table() -> str:
    rows = ["| setting | default | |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        words = re.sub(r"\s+", " ", field.description or "")
        rows.append(f"| `ORDERCAST_{name}` | {_shown(field.default)} | {words} |")
    return "\n".join(rows) + "\n"


def _shown(default: Any) -> str:
    if default is None or default == ():
        return ""
    return f"`{default}`" if isinstance(default, str) else f"{default}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
