"""What a proof has found, and how it is printed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import orjson

from ordercast.proof.transcript import Faults

EXIT_FAILED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    seconds: float
    seed: int  # the same faults in the same order, as far as the service is as fast
    clients: dict[str, int]  # by transport
    events: dict[str, int]  # committed, by way; `unknown`: an error was the answer
    deliveries: int
    faults: dict[str, int]
    journal: Faults
    received: Faults
    unrecovered: int  # times that a client came back without what it missed
    not_back: list[str]  # killed processes in whose place none has come
    longest_away_seconds: float  # from a client's lost connection to its next CONNECT
    longest_wait_seconds: float  # from before an event's commit until a client had it
    problems: list[str]  # the last ones of clients that had not everything at the end

    @property
    def is_proven(self) -> bool:
        is_whole = self.journal == self.received == Faults()
        return is_whole and self.deliveries > 0 and not self.unrecovered and not self.not_back

    @property
    def exit_code(self) -> int:
        return 0 if self.is_proven else EXIT_FAILED

    def json(self) -> str:
        """One object, with camelCase keys."""
        content = {_camel(name): value for name, value in asdict(self).items()}
        content |= {"journal": self.journal._asdict(), "received": self.received._asdict()}
        content["proven"] = self.is_proven
        for part in ("journal", "received"):
            content[part] = {_camel(name): value for name, value in content[part].items()}
        return orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()

    def lines(self) -> Iterator[str]:
        yield f"clients: {_counts(self.clients)}; seed {self.seed}"
        yield f"faults in {self.seconds:.0f} s: {_counts(self.faults)}"
        yield f"events committed: {_counts(self.events)}"
        yield f"deliveries: {self.deliveries}"
        yield f"journal: lost {self.journal.lost}, doubled {self.journal.doubled}"
        lost, doubled, out_of_order, strange = self.received
        more = f", not of the journal {strange}" if strange else ""
        yield f"clients: lost {lost}, doubled {doubled}, out of order {out_of_order}{more}"
        yield f"came back without what they missed: {self.unrecovered}"
        yield f"longest until a client was back: {self.longest_away_seconds:.1f} s"
        yield f"longest until an event arrived: {self.longest_wait_seconds:.1f} s"
        for kind in self.not_back:
            yield f"NOT BACK: a {kind} process was killed, and none has come in its place"
        for problem in self.problems:
            yield f"last problem of a client: {problem}"
        yield "PROVEN" if self.is_proven else "NOT PROVEN"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
