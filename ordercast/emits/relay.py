"""The relay: emits from outside, by the stock queue, on their way into the journal.

Redis' channel forgets what nobody hears. So every worker listens and keeps what it hears, and one
of them, the leader, journals it. In the transaction with the events the leader writes its place,
the message that it has come to; a successor goes on after that place from what it kept itself.

The database fences: a transaction locks the row that names the leader, and a worker that finds
another name there, as after it was frozen, writes nothing and begins anew.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ordercast.broker import Broker
from ordercast.database import Database, outage
from ordercast.emits.durable import Durable
from ordercast.emits.heard import Heard, Hearing
from ordercast.emits.leading import Lead, Place, lead, lock_lead, write_lead
from ordercast.emits.listening import Listener
from ordercast.journal import Journal, NewEvent

logger = logging.getLogger(__name__)

BATCH = 200  # emits in one step
STEP_SECONDS = 0.5  # between two steps without an emit
BEAT_SECONDS = 0.75  # at least so often a leader changes the row
LEASE_SECONDS = 1.5  # a row that nobody changed for so long has lost its leader
# Before a worker takes the lead that has not heard all since the leader's place: another may have.
COURTESY_SECONDS = 3.0


class Relay:
    """The relay of one worker. `wake` is set when an emit was heard."""

    def __init__(
        self,
        broker: Broker,
        *,
        database: Database,
        journal: Journal,
        durable: Durable,
        wake: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock
        self._name = uuid4().hex
        self._batch = BATCH
        self._seen: tuple[str, int] | None = None  # leader and beat, and since when unchanged:
        self._seen_since = 0.0  # monotonic seconds
        self._beaten = 0.0
        self._resigned = False  # and nobody has led since
        self._follows = threading.Event()  # set while this worker does not lead
        self._follows.set()
        self.hearing = Hearing(durable, wake=wake.set)
        self._listener = Listener(broker, self.hearing, self._follows)

    def start(self) -> None:
        """Listen from now on."""
        self._listener.start()

    def step(self) -> bool:
        """Journal a batch if this worker leads, else take the lead from a leader that is gone.
        Returns whether there may be more. Raises SQLAlchemyError: then nothing was journalled, or
        the next step finds the place."""
        if self._follows.is_set():
            return self._follow()
        emits = self.hearing.first(self._batch)
        is_due = self._clock() - self._beaten >= BEAT_SECONDS
        if not (emits or is_due or not self.hearing.is_whole):
            return False
        try:
            return self._lead()
        except SQLAlchemyError as exc:
            if outage(exc) is None and emits:
                self._narrow(emits, exc)
            raise

    def resign(self) -> None:
        """Journal what waits, and leave the lead to another worker. Raises SQLAlchemyError."""
        self.hearing.interrupt()
        while not self._follows.is_set():
            self._lead()

    def _follow(self) -> bool:
        with self._database.reading() as connection:
            found = lead(connection)
        self.hearing.drop_until(found.place)
        if found.leader != self._name:
            self._resigned = self._resigned and not found.leader
        now = self._clock()
        if (found.leader, found.beat) != self._seen:
            self._seen, self._seen_since = (found.leader, found.beat), now
        if not self.hearing.is_whole or not self._is_open(found, now - self._seen_since):
            return False
        with self._database.writing() as connection:
            current = lock_lead(connection)
            if current != found:
                return True  # another worker was faster
            covers = found.place.mark and self.hearing.covers(found.place)
            place = found.place if covers else self.hearing.begins()
            write_lead(connection, current._replace(leader=self._name, place=place))
        self._follows.clear()
        self._beaten = now
        logger.info("leads the relay of emits", extra={"before": found.leader})
        return True

    def _is_open(self, found: Lead, unchanged_seconds: float) -> bool:
        if self.hearing.covers(found.place) and not self._resigned:
            return not found.leader or unchanged_seconds >= LEASE_SECONDS
        return unchanged_seconds >= COURTESY_SECONDS

    def _lead(self) -> bool:
        """Journal a batch, and the place after it; resign when the channel was not heard for a
        while."""
        emits: Sequence[Heard] = ()
        with self._database.writing() as connection:
            current = lock_lead(connection)
            if current.leader == self._name:
                self.hearing.drop_until(current.place)
                # Read the place first: an emit that is heard in between is after it.
                reached = self.hearing.reached(current.place)
                emits = self.hearing.first(self._batch)
                place = self._journal_all(connection, emits) or reached or current.place
                resigns = not (self.hearing.is_whole or emits)
                write_lead(
                    connection,
                    current._replace(leader="" if resigns else self._name, place=place),
                )
        if current.leader != self._name:
            logger.warning("another worker leads the relay", extra={"leader": current.leader})
            if self.hearing.covers(current.place):
                self.hearing.drop_until(current.place)
            else:
                self.hearing.forget()  # the place may be after what was heard, or before
            self._follow_again(resigned=False)
            return False
        self.hearing.drop_until(place)
        self._beaten = self._clock()
        if emits:
            self._batch = BATCH
            logger.info("emits from outside journalled", extra={"count": len(emits)})
        if resigns:
            self._follow_again(resigned=True)
        return bool(emits)

    def _journal_all(self, connection: Connection, emits: Sequence[Heard]) -> Place | None:
        """Append the emits -> the place of the last."""
        self._journal.append_all(connection, [NewEvent(*heard.emit) for heard in emits])
        return emits[-1].place if emits else None

    def _follow_again(self, *, resigned: bool) -> None:
        self._resigned = resigned
        self._seen = None
        self._follows.set()

    def _narrow(self, emits: Sequence[Heard], error: SQLAlchemyError) -> None:
        """After an error that may be the content's: try one emit alone, and leave that out."""
        if self._batch > 1:
            self._batch = 1
            return
        extra = {"event": emits[0].emit.name, "error": str(error)}
        logger.error("an emit from outside cannot be journalled", extra=extra)
        self.hearing.drop_until(emits[0].place)
