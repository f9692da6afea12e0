"""How a reconnect with a pid ends: the labels of ordercast_recoveries_total."""

from enum import StrEnum

from ordercast.metrics import RECOVERIES


class Outcome(StrEnum):
    # Recovered: all that was missed is taken. Where the first of it was found:
    MEMORY = "memory"
    JOURNAL = "journal"
    INTERRUPTED = "interrupted"  # the client left before it had taken all
    # Not recovered: a new pid, and the client reads snapshots.
    BAD_PID = "bad_pid"  # not signed here, or by another release
    ANOTHER_USER = "another_user"
    ANOTHER_ROLE = "another_role"  # the client has no snapshot of what its new rooms hold
    LATE_ROOM = "late_room"  # joined after the connect; refused now, or there is nobody to ask
    TOO_MANY_ROOMS = "too_many_rooms"  # joined after the connect: more than are kept
    BAD_OFFSET = "bad_offset"  # no position that was ever given
    STALE_OFFSET = "stale_offset"  # kept from before the pid
    ANOTHER_JOURNAL = "another_journal"  # the database is another one, or has lost positions
    TOO_OLD = "too_old"  # pruned
    TOO_MANY = "too_many"  # RECOVERY_MAX_EVENTS
    TOO_LARGE = "too_large"  # RECOVERY_MAX_BYTES


for outcome in Outcome:  # every series exists at 0 from the beginning
    RECOVERIES.labels(outcome)


class Unrecoverable(Exception):
    """The events that the client missed cannot be replayed: the client starts anew."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome
