"""The cost of a connection and of a delivery against the number of connections, as an SVG.

python -m bench.compare --connections 1000,3000,5000,9000 --only memory,fanout,floor --json FILE
python -m bench.plot FILE... [--output docs/images/cost.svg]
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.table import COLUMNS, Result, value
from tests.harness.processes.process import ROOT

WIDTH, HEIGHT, PANEL = 880, 360, 330  # px; a panel's own width
TOP, BOTTOM = 60, 290  # px; ends of the vertical axes
COLOURS = {"stock": "#b45309", "node": "#15803d", "ordercast": "#1d4ed8"}
PANELS = (("memory", "KB per idle connection", 70), ("fanout", "µs CPU per delivery", 510))
INK = "#1f2937"

Points = dict[str, list[tuple[int, float]]]  # by server: connections, figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path, help="from bench.compare --json")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/images/cost.svg")
    arguments = parser.parse_args()
    reports = [json.loads(file.read_text()) for file in arguments.files]
    results = [result for report in reports for result in report["results"]]
    floors = [floor for report in reports for floor in report["floorsUs"]]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(svg(results, floors))


def svg(results: Sequence[Result], floors: Sequence[float]) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' font-family="sans-serif" font-size="13" fill="{INK}">',
        "<title>Memory per connection and CPU per delivery against connections</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for key, title, left in PANELS:
        floor = median(floors) if floors and key == "fanout" else None
        parts += panel(left, title, points(results, key), floor)
    for number, (server, name) in enumerate(COLUMNS.items()):
        x = 70 + number * 190
        parts.append(f'<rect x="{x}" y="332" width="14" height="4" fill="{COLOURS[server]}"/>')
        parts.append(text(x + 20, 339, name))
    if floors:
        parts.append(line((640, 334), (660, 334), INK, dash="4 4"))
        parts.append(text(666, 339, "floor: bare socket.send"))
    return "\n".join([*parts, "</svg>\n"])


def points(results: Sequence[Result], key: str) -> Points:
    sizes = sorted({result["connections"] for result in results})
    return {
        server: [
            (size, figure)
            for size in sizes
            if (figure := value(results, server, size, key)) is not None
        ]
        for server in COLUMNS
    }


def panel(left: int, title: str, lines: Points, floor: float | None) -> list[str]:
    shown = [point for line in lines.values() for point in line]
    if not shown:
        raise SystemExit(f"the files have no figures for: {title}")
    widest = max(size for size, _ in shown)
    step = _step(max(figure for _, figure in shown))
    highest = step * 5

    def x(size: float) -> float:
        return left + PANEL * size / widest

    def y(figure: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * figure / highest

    parts = [text(left, 36, title, weight="bold")]
    for tick in range(6):
        height = y(tick * step)
        parts.append(line((left, height), (left + PANEL, height), "#e5e7eb"))
        parts.append(text(left - 8, height + 4, f"{tick * step:g}", anchor="end"))
    for size in sorted({size for size, _ in shown}):
        parts.append(text(x(size), BOTTOM + 20, f"{size:,}", anchor="middle"))
    if floor is not None:
        parts.append(line((left, y(floor)), (left + PANEL, y(floor)), INK, dash="4 4"))
    for server, dots in lines.items():
        path = " ".join(f"{x(size):.1f},{y(figure):.1f}" for size, figure in dots)
        colour = COLOURS[server]
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for size, figure in dots:
            parts.append(f'<circle cx="{x(size):.1f}" cy="{y(figure):.1f}" r="3" fill="{colour}"/>')
    return parts


def _step(highest: float) -> float:
    """The distance between two of five ticks: 1, 2 or 5 times a power of ten."""
    power: float = 10.0 ** (len(str(int(highest / 5))) - 1)
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * 5 >= highest)


def line(a: tuple[float, float], b: tuple[float, float], colour: str, *, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"'
        f' stroke="{colour}"{dashes}/>'
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {place}>{words}</text>"


if __name__ == "__main__":
    main()
