"""The table of bench/compare.py: one row for each kind of work, one column for each server."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

COLUMNS = {"stock": "stock Flask-SocketIO", "node": "Node", "ordercast": "ordercast"}

Result = dict[str, Any]  # {server, connections, round, rows: {row: {value, ...}}}


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    unit: str
    goal: str = ""  # for ordercast ÷ Node, or, with a unit, for ordercast


# A figure of CPU is followed by the latency that it was had with: events that wait are cheaper.
ROWS = (
    Row("fanout", "fan-out to a room, CPU per delivery", "µs", "≤ 0.5"),
    Row("latencyP50", "its latency, p50", "ms"),
    Row("latency", "its latency, p99", "ms", "≤ 0.7"),
    Row("oneuser", "one event to one user, 2,000/s, CPU per event", "µs", "≤ 0.8"),
    Row("oneuserP50", "its latency, p50", "ms", "≤ 3 ms"),
    Row("oneuserP99", "its latency, p99", "ms", "≤ 12 ms"),
    Row("nobody", "event for nobody here, 2,000/s, CPU per event", "µs"),
    Row("nobodyNet", "the same, over what it uses while idle", "µs", "≤ 3 µs"),
    Row("nobodyLast", "the latency of the last, which has a recipient", "ms"),
    Row("connect", "CPU per connect with JWT check", "ms", "≤ 0.8"),
    Row("connectTime", "time until all are connected, per connect", "ms"),
    Row("memory", "memory per idle connection", "KB", "≤ 0.25"),
    Row("idle", "idle, CPU per second (part of the rows above)", "ms"),
)


def value(results: Sequence[Result], server: str, connections: int, key: str) -> float | None:
    """The median of the rounds."""
    values = [
        result["rows"][key]["value"]
        for result in results
        if (result["server"], result["connections"]) == (server, connections)
        and key in result["rows"]
    ]
    return median(values) if values else None


def markdown(results: Sequence[Result], *, floors_us: Sequence[float]) -> str:
    sizes = sorted({result["connections"] for result in results})
    lines = [
        f"| work | connections | {' | '.join(COLUMNS.values())} | ratio to Node | to reach |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        for size in sizes:
            figures = {name: value(results, name, size, row.key) for name in COLUMNS}
            if any(figure is not None for figure in figures.values()):
                lines.append(_line(row, size, figures))
    if floors_us:
        floor = f"{median(floors_us):.2g} µs"
        lines.append(f"| the floor: a bare loop of `socket.send` | 500 | | | {floor} | | |")
    return "\n".join(lines)


def _line(row: Row, size: int, figures: dict[str, float | None]) -> str:
    node, ours = figures["node"], figures["ordercast"]
    ratio = f"{ours / node:.2f}" if node and ours is not None else ""
    cells = " | ".join(shown(figure, row.unit) for figure in figures.values())
    return f"| {row.title} | {size:,} | {cells} | {ratio} | {row.goal} |"


def shown(figure: float | None, unit: str) -> str:
    if figure is None:
        return ""
    number = f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
    return f"{number} {unit}".rstrip()
