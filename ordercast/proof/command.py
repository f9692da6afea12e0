"""`flask ordercast prove`: which service, and with whose consent."""

import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast
from uuid import uuid4

import click
import redis
from flask import Flask, current_app

from ordercast.broker import reason
from ordercast.commands import Command, fail
from ordercast.service import EXTENSION, Service

EXIT_TERMINATED = 128 + signal.SIGTERM


@click.command(cls=Command)
@click.option(
    "--staging", metavar="URL", required=True, help="Of the service, which is not production."
)
@click.option("--seconds", type=click.FloatRange(min=1), default=60, show_default=True)
@click.option(
    "--users", type=click.IntRange(1, 100), default=4, show_default=True, help="Two clients each."
)
@click.option(
    "--events", type=click.FloatRange(0.1, 500), default=20, show_default=True, help="A second."
)
@click.option(
    "--faults",
    is_flag=True,
    help="Kill and freeze processes of the service on this host: others' clients reconnect, too.",
)
@click.option("--yes", is_flag=True, help="Do not ask before the first of these.")
@click.option(
    "--worker-restarts",
    is_flag=True,
    help="Something starts a killed worker again: kill it also if it is the only one.",
)
@click.option(
    "--auth",
    type=click.File(),
    help="A file with what a test user connects with on each line, a token or a JSON object; - is"
    " standard input. By default users are made up, with tokens signed by"
    " ORDERCAST_JWT_SECRET_KEY.",
)
@click.option("--seed", type=int, help="Of an earlier run, for the same faults.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for a program.")
def prove(
    staging: str,
    seconds: float,
    users: int,
    events: float,
    faults: bool,
    yes: bool,
    worker_restarts: bool,
    auth: IO[str] | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Prove on a staging service that nothing is lost, doubled or out of order.

    Clients connect and durable events are committed, for users of its own, while the clients'
    connections are cut, and with --faults processes of the service are killed and frozen. Then what
    the journal has is compared with what each client received.

    The exit code is 0 if all arrived once and in order, 1 if not or if the command could not begin,
    and 2 for wrong options. The events stay in the journal until they are pruned."""
    from ordercast.proof import people
    from ordercast.proof.endpoint import Endpoint
    from ordercast.proof.proof import Consent, Proof
    from ordercast.transport import path_of

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    service = cast(Service, app.extensions[EXTENSION])
    try:
        path = path_of(service.live.socketio.server_options)
        endpoint = Endpoint.of(staging, path)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--staging") from exc
    run = uuid4().hex[:8]
    if auth is None:
        persons = people.made(service, users, run=run, seconds=seconds)
    else:
        persons = people.given(service, auth)
    if faults and not yes:
        _ask(service, staging)
    begun = time.monotonic()
    proof = Proof(
        app,
        service,
        endpoint,
        persons,
        run=run,
        seconds=seconds,
        per_second=events,
        seed=random.randrange(1_000_000) if seed is None else seed,
        say=lambda text: click.echo(f"{time.monotonic() - begun:6.1f} s  {text}", err=True),
    )
    with _explained(), _ended_by_sigterm():
        report = proof.execute(Consent(worker_restarts) if faults else None)
    for text in (report.json(),) if as_json else report.lines():
        click.echo(text)
    sys.exit(report.exit_code)


def _ask(service: Service, url: str) -> None:
    """Ask for consent: who is hurt besides. Aborts without."""
    from ordercast.proof.processes import Processes
    from ordercast.roll import Kind

    with _explained():
        processes = Processes(service.broker)
        web, workers = processes.here(Kind.WEB), processes.here(Kind.WORKER)
    clients = sum(process.clients for process in web)
    click.confirm(
        f"{url}: {len(web)} web process(es) with {clients} client(s) and {len(workers)} worker(s)"
        " on this host. Kill and freeze them?",
        abort=True,
        err=True,
    )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as exc:
        fail("redis_unavailable", reason(exc))
    except OSError as exc:
        fail("no_processes", f"processes are found on Linux only: {exc}")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the command as an exception, so that a frozen process is continued first."""

    def end(*_: object) -> None:
        sys.exit(EXIT_TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
