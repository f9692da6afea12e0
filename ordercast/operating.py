"""What can be asked about a running service: the part of the public face for those who run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from ordercast.doctor.finding import Examination, Finding
    from ordercast.health import Check
    from ordercast.inbox.refusals import Refusals
    from ordercast.journal import Entry, EventPage
    from ordercast.ledger import ProcessRecord
    from ordercast.live.census import Census
    from ordercast.monitoring.probes import Backlog
    from ordercast.roll import Process
    from ordercast.service import Service
    from ordercast.trace import ConnectionPage, Trace


class Operating:
    """A part of Ordercast."""

    @property
    def _service(self) -> Service:
        raise NotImplementedError

    def check(self, check: Check) -> None:
        """Add a check to `/readyz` and `health()`."""
        self._service.health.add(check)

    def health(self) -> tuple[dict[str, str], str]:
        """Run all checks at once -> ({name: ok | what is wrong}, ok | degraded | unavailable)."""
        return self._service.health.examine()

    def metrics(self) -> tuple[bytes, dict[str, str]]:
        """What Prometheus reads, as a view returns it: (text, headers)."""
        return self._service.monitor.view()

    def add_examinations(self, *examinations: Examination) -> None:
        """Add examinations to `flask ordercast doctor` and `examine()`. An examination with the
        name of one of the library's is made together with that one, as one finding."""
        self._service.examinations.extend(examinations)

    def examine(self) -> Iterator[Finding]:
        """Examine all that the service needs, at once -> findings, as they are made."""
        return self._service.examine()

    def census(self, kind: str, value: str, detail: str | None = None) -> Census:
        """How many connections of all web processes a revocation of this kind would end now. Never
        fails: the result also says how many processes answered."""
        return self._service.census(kind, value, detail)

    def processes(self) -> list[ProcessRecord]:
        """The web processes that follow the journal, as each wrote into the ledger a second ago:
        host, pid, since when, position, connections. Raises LedgerUnavailable; SQLAlchemyError."""
        return self._service.asking.processes()

    def workers(self) -> list[Process]:
        """The background workers that answer a question over Redis, of which a frozen one is none:
        host (of one boot of a kernel) and pid. Waits 2 s for the slowest. Raises
        LedgerUnavailable."""
        import redis

        from ordercast import roll
        from ordercast.broker import reason
        from ordercast.errors import LedgerUnavailable

        try:
            found = roll.call(self._service.broker)
        except redis.RedisError as exc:
            raise LedgerUnavailable(f"Redis does not answer: {reason(exc)}") from exc
        return [process for process in found if process.kind is roll.Kind.WORKER]

    def backlog(self) -> Backlog:
        """The journal's head, and what waits for the workers: events for their position, entries
        of the inbox. Never fails."""
        return self._service.monitor.backlog()

    def connections(
        self,
        *,
        user: str | int | UUID | None = None,
        address: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> ConnectionPage:
        """The open connections of all web processes, of one user or address or of all, the oldest
        first, up to 1,000 in a page; `after` is the `following` of the page before. As each process
        wrote them into the ledger a second ago, for pages and commands: not for decisions about a
        client. Raises LedgerUnavailable; SQLAlchemyError; ValueError for a limit or a cursor that
        is none, TypeError for an id of another type."""
        from ordercast.identity import id_text

        who = None if user is None else id_text("user", user)
        return self._service.asking.connections(user=who, address=address, after=after, limit=limit)

    def events(
        self,
        *,
        room: str | None = None,
        name: str | None = None,
        after: str | int = 0,
        before: str | int | None = None,
        limit: int = 100,
    ) -> EventPage:
        """Events of the journal, the latest first, between two offsets: of a `room`, or of all but
        the room `control`; with this `name`, in which `*` is any text. By index, and bounded: for a
        name 1,000 events of a page are compared, so that a page may be empty and another follow
        (`following`, the next page's `before`). Raises ValueError for an offset that is none;
        SQLAlchemyError."""
        return self._service.journal.search(
            after=int(after),
            before=None if before is None else int(before),
            room=room,
            name=name,
            limit=limit,
        )

    def event(self, offset: str | int) -> Entry | None:
        """The event with this offset as it is delivered, `data` as JSON text; None if there is
        none, or it can be delivered to nobody. Raises ValueError; SQLAlchemyError."""
        position = int(offset)
        found = self._service.journal.since(position - 1, limit=1, until=position)
        return next((entry for entry in found if not entry.is_blank), None)

    @property
    def refusals(self) -> Refusals:
        """The inbox's entries that were refused: page(), find(), retry(), delete()."""
        return self._service.refusals

    def trace(
        self,
        *,
        key: str | None = None,
        offset: str | int | None = None,
        user: str | int | UUID | None = None,
        limit: int = 20,
    ) -> Trace:
        """What happened to the event with this `offset`, to the latest events about a `key`, or to
        those for a `user`: committed when and by which request, sequenced, published, sent by which
        processes to which connections, and acknowledged up to where. What cannot be known is said
        in `gaps`, and is never guessed. Raises TypeError unless one of the three is given;
        ValueError for an offset that is none; SQLAlchemyError."""
        from ordercast.identity import id_text

        given = [one for one in (key, offset, user) if one is not None]
        if len(given) != 1:
            raise TypeError("give one of key=, offset=, user=")
        asking = self._service.asking
        if key is not None:
            return asking.tracer.of_key(key, limit=limit)
        if user is not None:
            return asking.tracer.of_user(id_text("user", user), limit=limit)
        assert offset is not None
        return asking.tracer.of_offset(int(offset))
