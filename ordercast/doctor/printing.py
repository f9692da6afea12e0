"""What a command prints of its findings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict

import orjson

from ordercast.doctor.finding import Finding, Level

ORDER = (Level.OK, Level.WARN, Level.FAIL)  # the worst last
EXIT_FAILED = 1


def worst(levels: Iterable[Level]) -> Level:
    """The worst of these levels; `ok` of none."""
    return max(levels, key=ORDER.index, default=Level.OK)


class Report:
    """Findings as lines or as JSON; `level` is the worst of those that were printed. `wording`
    changes a text for its readers: a service has commands and settings of other names."""

    def __init__(
        self, findings: Iterable[Finding], *, wording: Callable[[str], str] = lambda text: text
    ) -> None:
        self._findings = findings
        self._wording = wording
        self.level = Level.OK

    @property
    def exit_code(self) -> int:
        """1 if something failed; 0 if all is well, also with warnings."""
        return EXIT_FAILED if self.level is Level.FAIL else 0

    def lines(self) -> Iterator[str]:
        """Two lines at most for each finding, as it is made."""
        for finding in self._noted():
            yield from map(self._wording, finding.lines())

    def json(self) -> str:
        """{level, findings: [{name, level, text, advice}, ...]}, once all of them are made."""
        said = [asdict(finding) for finding in self._noted()]
        for finding in said:
            finding |= {key: self._wording(finding[key]) for key in ("text", "advice")}
        content = {"level": self.level, "findings": said}
        return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()

    def _noted(self) -> Iterator[Finding]:
        for finding in self._findings:
            self.level = worst((self.level, finding.level))
            yield finding
