"""One run: clients connect and events are committed, faults happen, and in the end what the journal
has is held against what each client received."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from ordercast.errors import OrdercastError
from ordercast.proof.client import Client
from ordercast.proof.cutting import Cutter
from ordercast.proof.endpoint import Endpoint
from ordercast.proof.harm import Harm, Say
from ordercast.proof.people import Person
from ordercast.proof.processes import Processes
from ordercast.proof.report import Report
from ordercast.proof.transcript import Faults, Place, faults, journal_faults
from ordercast.proof.wires import Transport
from ordercast.proof.writing import Committed, Writer
from ordercast.revocation import RevocationKind
from ordercast.roll import Kind
from ordercast.service import Service

CONNECT_SECONDS = 20.0  # for the clients, and for their first event
CATCH_UP_SECONDS = 60.0  # after the last fault
PAUSE_SECONDS = 0.25


class NotBegun(OrdercastError):
    """The service was not as it has to be before the first fault; the text says how."""

    code = "not_begun"


@dataclass(frozen=True, slots=True)
class Consent:
    """To harm the processes of the service on this host."""

    worker_restarts: bool  # something starts a worker again that was killed


class Proof:
    """`seconds` of faults; `per_second` events."""

    def __init__(
        self,
        app: Flask,
        service: Service,
        endpoint: Endpoint,
        people: Sequence[Person],
        *,
        run: str,
        seconds: float,
        per_second: float,
        seed: int,
        say: Say,
    ) -> None:
        self._service = service
        self._people = people
        self._seconds = seconds
        self._seed = seed
        self._say = say
        self._rooms = list(dict.fromkeys(person.room for person in people))
        self._clients = {
            Client(endpoint, transport, person.auth, run): person.room
            for person in people
            for transport in Transport
        }
        self._writer = Writer(app, service, self._rooms, run=run, per_second=per_second)
        self._committed = Committed(service, run)

    def execute(self, consent: Consent | None) -> Report:
        """Without consent the proof's own connections are cut, and nothing else. Raises NotBegun,
        NotSignalled, redis.RedisError, SQLAlchemyError."""
        clients = list(self._clients)
        cutter = Cutter(clients, random.Random(self._seed))
        harm: Harm | None = None
        with ExitStack() as stopping:
            for client in clients:
                stopping.callback(client.stop)
                client.start()
            self._begin()
            if consent is not None:
                processes = Processes(self._service.broker)
                self._check_same_service(processes)
                harm = Harm(
                    processes,
                    random.Random(self._seed + 1),
                    worker_restarts=consent.worker_restarts,
                    say=self._say,
                )
            for thread in (self._writer, cutter):
                stopping.callback(thread.stop)
                thread.start()
            if harm is None:
                time.sleep(self._seconds)
            else:
                harm.run(self._seconds)
            cutter.stop()
            self._writer.stop()
            self._say("the faults are over; clients catch up")
            journal, received = self._catch_up()
        return self._report(cutter, harm, journal, received)

    # -- before the faults

    def _begin(self) -> None:
        """Every client is connected, and gets an event. Raises NotBegun."""
        self._wait(lambda client: client.connects > 0, "connect")
        for room in self._rooms:
            self._writer.write([room])
        self._wait(lambda client: bool(client.received), "get a first event")

    def _wait(self, is_done: Callable[[Client], bool], what: str) -> None:
        deadline = time.monotonic() + CONNECT_SECONDS
        while not all(map(is_done, self._clients)):
            if time.monotonic() > deadline:
                problems = ", ".join(sorted({client.problem for client in self._clients} - {""}))
                raise NotBegun(f"not all clients {what}: {problems or 'no answer'}")
            time.sleep(PAUSE_SECONDS)

    def _check_same_service(self, processes: Processes) -> None:
        """The processes that would be harmed are those that the clients are connected to, and not
        of another service on the Redis of this configuration. Raises NotBegun."""
        if not processes.here(Kind.WEB):
            raise NotBegun("no web process of the service is on this host: run the command on one")
        users = {person.user_id for person in self._people}
        kind = RevocationKind.CONNECTIONS
        counted = sum(self._service.census(kind, user, None).sockets for user in users)
        if counted < len(self._clients):
            raise NotBegun(
                f"{counted} of the {len(self._clients)} clients are at processes of this"
                " configuration's Redis: the URL is another service's"
            )

    # -- after them

    def _catch_up(self) -> tuple[Faults, Faults]:
        """Wait until everybody has everything -> of the journal, and of the clients."""
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while True:
            try:
                found = self._compare()
            except SQLAlchemyError:
                if time.monotonic() > deadline:
                    raise
            else:
                if found == (Faults(), Faults()) or time.monotonic() > deadline:
                    return found
            time.sleep(PAUSE_SECONDS)

    def _compare(self) -> tuple[Faults, Faults]:
        # The clients first: an event that one of them gets meanwhile is in the journal by then.
        received = {client: list(client.received) for client in self._clients}
        committed = {room: self._committed.of(room) for room in self._rooms}
        # An event of several rooms has one position.
        places: set[Place] = {place for found in committed.values() for place in found}
        of_journal = journal_faults(self._writer.accepted, (place.number for place in places))
        of_clients = Faults()
        for client, got in received.items():
            of_clients = of_clients.and_also(faults(committed[self._clients[client]], got))
        return of_journal, of_clients

    def _report(
        self, cutter: Cutter, harm: Harm | None, journal: Faults, received: Faults
    ) -> Report:
        clients = list(self._clients)
        done = {"connections cut": cutter.cut, "connections left half-open": cutter.abandoned}
        if harm is not None:
            done |= {str(fault): count for fault, count in harm.done.items()}
        is_whole = received == Faults()
        return Report(
            seconds=self._seconds,
            seed=self._seed,
            clients=dict(Counter(str(client.transport) for client in clients)),
            events={str(way): count for way, count in self._writer.ways.items()}
            | {"unknown": self._writer.refused},
            deliveries=sum(len(client.received) for client in clients),
            faults=done,
            journal=journal,
            received=received,
            unrecovered=sum(client.unrecovered for client in clients),
            not_back=[] if harm is None else [str(kind) for kind in harm.not_back],
            longest_away_seconds=round(max(client.longest_away for client in clients), 3),
            longest_wait_seconds=round(max(client.longest_wait for client in clients), 3),
            problems=[] if is_whole else sorted({one.problem for one in clients} - {""}),
        )
