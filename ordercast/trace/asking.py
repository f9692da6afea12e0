"""The ledger of one application, as its pages and commands ask for it."""

from __future__ import annotations

from functools import cached_property

from ordercast.broker import Broker
from ordercast.errors import LedgerUnavailable
from ordercast.journal import Journal
from ordercast.ledger import LedgerReader, ProcessRecord
from ordercast.settings import Settings
from ordercast.trace.listing import ConnectionPage, list_connections, list_processes
from ordercast.trace.tracing import Tracer


class Asking:
    """Connects to Redis when it is asked first."""

    def __init__(self, broker: Broker, journal: Journal, settings: Settings) -> None:
        self._broker = broker
        self._journal = journal
        self._settings = settings

    @cached_property
    def _reader(self) -> LedgerReader:
        return LedgerReader(self._broker)

    @cached_property
    def tracer(self) -> Tracer:
        """Traces events."""
        return Tracer(
            self._journal,
            self._reader,
            keep_days=self._settings.JOURNAL_KEEP_DAYS,
            is_on=self._settings.LEDGER_SECONDS > 0,
        )

    def processes(self) -> list[ProcessRecord]:
        """See Ordercast.processes."""
        return list_processes(self._open(), self._journal.now())

    def connections(
        self, *, user: str | None, address: str | None, after: str | None, limit: int
    ) -> ConnectionPage:
        """See Ordercast.connections."""
        return list_connections(
            self._open(),
            self._journal.now(),
            user=user,
            address=address,
            after=after,
            limit=limit,
        )

    def _open(self) -> LedgerReader:
        if not self._settings.LEDGER_SECONDS:
            raise LedgerUnavailable("LEDGER_SECONDS is 0: the processes write no ledger")
        return self._reader
