"""`make docs`: the tables of docs/metrics.md, from the declarations of the series. With `--check`
nothing is written, and a page that differs is an error.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs/metrics.md"
MODULES = ("ordercast/metrics.py", "app/metrics.py")
BEGIN, END = "<!-- series -->\n", "<!-- /series -->\n"
KINDS = {"Counter": "counter", "Gauge": "gauge", "Measured": "gauge", "Histogram": "histogram"}
SECTION = re.compile(r"# -- (.+)")


class Series(NamedTuple):
    section: str
    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str
    conclusion: str  # empty: none is declared


def main(arguments: list[str]) -> int:
    """Write the tables, or compare them -> the exit code."""
    text = FILE.read_text()
    made = with_tables(text)
    if arguments != ["--check"]:
        FILE.write_text(made)
    elif made != text:
        print("docs/metrics.md does not say what the metrics.py declare: run `make docs`")
        return 1
    return 0


def with_tables(text: str) -> str:
    """The page with the series as they are declared now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{tables()}{END}{after}"


def tables() -> str:
    lines: list[str] = []
    section = None
    for series in declared():
        if series.section != section:
            section = series.section
            lines += [
                "",
                f"## {section}",
                "",
                "| series | what it is | what to conclude |",
                "|---|---|---|",
            ]
        labels = f"{{{', '.join(series.labels)}}}" if series.labels else ""
        name = f"`{series.name}{labels}` ({series.kind})"
        lines.append(f"| {name} | {series.meaning} | {series.conclusion} |")
    return "\n".join([*lines[1:], ""])


def declared() -> Iterator[Series]:
    """Every series of the library and of the marketplace, in the order of the declarations."""
    for module in MODULES:
        yield from _declared_in((ROOT / module).read_text())


def _declared_in(source: str) -> Iterator[Series]:
    sections = {
        number: found[1]
        for number, line in enumerate(source.splitlines(), 1)
        if (found := SECTION.match(line))
    }
    body = ast.parse(source).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        kind = KINDS.get(getattr(node.value.func, "id", ""))
        if kind is None:
            continue
        name, meaning, *labels = map(ast.literal_eval, node.value.args)
        each = any(
            ast.dump(word.value) == ast.dump(ast.Constant("liveall"))
            for word in node.value.keywords
        )
        said = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        yield Series(
            section=[sections[line] for line in sections if line < node.lineno][-1],
            name=name,
            kind=kind,
            labels=(*(labels[0] if labels else ()), *(("process",) if each else ())),
            meaning=meaning,
            conclusion=_one_line(following) if said else "",
        )


def _one_line(expression: ast.stmt | None) -> str:
    assert isinstance(expression, ast.Expr)
    return " ".join(str(ast.literal_eval(expression.value)).split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
