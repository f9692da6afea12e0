"""A connect under way: where in the journal it began, and where it entered each room."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Arrival:
    position: int  # that the process had fanned out when the connect began
    journal: str  # the name of the journal that has these positions
    is_settled: bool = False
    until: int = 0  # once settled: events of the journal up to here do not wait
    # Rooms that the connect handler entered: the position fanned out then.
    entered: dict[str, int] = field(default_factory=dict)

    def settle(self, until: int, journal: str) -> None:
        """Events after position `until` of this journal wait from now on."""
        if journal != self.journal:  # the positions of before mean nothing in it
            self.position, self.entered = until, {}
        self.until, self.journal, self.is_settled = until, journal, True
