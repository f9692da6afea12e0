"""What can be asked about a running service: the part of the public face for those who run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from ordercast.doctor.finding import Examination, Finding
    from ordercast.health import Check
    from ordercast.ledger import ProcessRecord
    from ordercast.live.census import Census
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
