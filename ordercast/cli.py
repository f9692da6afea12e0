"""The commands of the library: `flask ordercast ...`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import click
import orjson
from flask import Flask, current_app
from werkzeug.test import create_environ

from ordercast import checking, typescript
from ordercast.asyncapi import asyncapi_document
from ordercast.commands import CommandGroup, fail
from ordercast.doctor.printing import Report
from ordercast.errors import KeysUnavailable, Refuse
from ordercast.events import Events
from ordercast.inbox.sender import Inbox
from ordercast.journal import HeadLocked
from ordercast.proof.command import prove
from ordercast.revocation import RevocationKind
from ordercast.service import EXTENSION, Service
from ordercast.trace import print_trace

group = CommandGroup("ordercast", help="Durable events: worker, tables, checks, revocation.")


group.add_command(prove)


def init_app(app: Flask) -> None:
    app.cli.add_command(group)


def _service() -> Service:
    return cast(Service, current_app.extensions[EXTENSION])


@group.command()
def worker() -> None:
    """Sequence events, drain the inbox, prune, run the app's own steps; any number may run."""
    _service().work()


@group.command()
def upgrade() -> None:
    """Create the library's tables in the app's database, or upgrade them to this release."""
    from alembic.util import CommandError

    from ordercast import migrations  # loads Alembic too

    try:
        migrations.upgrade(_service().database.engine)
    except CommandError as exc:
        fail("not_upgraded", str(exc))
    click.echo(f"the tables ordercast_* are at revision {migrations.head()}")


@group.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for a program.")
def doctor(as_json: bool) -> None:
    """Check everything the service needs, and print advice for each problem.

    The exit code is 1 if a check failed, and 0 otherwise, also with warnings."""
    report = Report(_service().examine())
    for text in (report.json(),) if as_json else report.lines():
        click.echo(text)
    sys.exit(report.exit_code)


@group.command("restart-journal")
@click.option("--yes", is_flag=True, help="Do not ask before.")
def restart_journal(yes: bool) -> None:
    """Give the journal a new name: clients connect anew, and read their data again.

    For a database that was restored from a backup while no process and no Redis remembers the
    journal, and for a copy of another service's database. Nothing is deleted; events that wait for
    their position get one in the new journal."""
    if not yes:
        click.confirm("All clients are disconnected, and read their data again. Go on?", abort=True)
    try:
        head = _service().journal.rename()
    except HeadLocked as exc:
        fail("head_locked", f"{exc}: see flask ordercast doctor")
    click.echo(f"the journal is {head.journal}, and begins after position {head.position}")


@group.command()
@click.argument("name", metavar="EVENT")
@click.option("--to", required=True, help="The room; for a declared event also the user's id.")
@click.option("--data", required=True, help="The payload, as JSON.")
@click.option("--id", help="An id of yours; a repeat with the same id is ignored.")
def emit(name: str, to: str, data: str, id: str | None) -> None:
    """Emit a durable event, through the inbox."""
    try:
        payload = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        fail("malformed_json", f"--data is not JSON: {exc}")
    service = _service()
    settings, events = service.settings, service.events
    inbox = Inbox(settings.REDIS_URL, prefix=settings.REDIS_PREFIX, events=events)
    send = inbox.send if id is None else inbox.once(id)
    send(to, name, payload)
    click.echo("accepted")


@group.command("check-token")
@click.argument("text", metavar="TOKEN|-")
def check_token(text: str) -> None:
    """Say whom a token proves, or why it is refused; - reads it from standard input."""
    service = _service()
    token = checking.pasted(sys.stdin.read() if text == "-" else text)
    with explained():
        identity = service.identify({"token": token}, create_environ("/socket.io/"))
        service.revocations.check(identity)
    click.echo("\n".join(["a connect with it is accepted", *checking.words(identity)]))


@contextmanager
def explained() -> Iterator[None]:
    """Fail with the reason why a token is refused, in words. Never repeats the token."""
    try:
        yield
    except (Refuse, KeysUnavailable) as exc:
        fail(exc.code, exc.reason or exc.message)


@group.command()
@click.option("--sub", "--user", "user", required=True, help="The user's id.")
@click.option("--seconds", type=click.FloatRange(min=1), default=900, show_default=True)
@click.option(
    "--claim", "claims", multiple=True, metavar="NAME=VALUE", help="JSON or text; a dotted path."
)
def token(user: str, seconds: float, claims: tuple[str, ...]) -> None:
    """Print an access token for a test, signed with ORDERCAST_JWT_SECRET_KEY."""
    service = _service()
    secret = service.settings.JWT_SECRET_KEY
    if secret is None or not service.tokens.signs_here:
        why = "No token signed with ORDERCAST_JWT_SECRET_KEY is accepted: ask your issuer."
        fail("foreign_issuer", why)
    more = dict(_claim(given) for given in claims)
    made = checking.made(service.settings, secret, user, seconds=seconds, more=more)
    with explained():
        service.tokens.read(made)
    click.echo(made)


def _claim(given: str) -> tuple[str, Any]:
    name, equals, text = given.partition("=")
    if not (name and equals):
        raise click.UsageError(f"--claim takes NAME=VALUE, not {given!r}.")
    try:
        return name, orjson.loads(text)
    except orjson.JSONDecodeError:
        return name, text


@group.command()
@click.option("--user", help="Every token of this user that was issued until now.")
@click.option("--session", help="Every token of a login session: their claim `session`.")
@click.option("--token", help="A single token: its claim `jti`.")
def revoke(**given: str | None) -> None:
    """Refuse tokens and close the connections that use them, in every process."""
    chosen = [(kind, value) for kind, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise click.UsageError("Give one of --user, --session, --token.")
    [(kind, value)] = chosen
    service = _service()
    counted = service.census(kind, value, None)
    service.revocations.add(None, kind, value, until=None)
    click.echo(f"revoked {kind} {value}: {counted}")


@group.command()
@click.option("--user", required=True, help="The user's id, as in the tokens.")
def disconnect(user: str) -> None:
    """Close the connections that a user has now, in every process; the tokens stay good."""
    service = _service()
    counted = service.census(RevocationKind.CONNECTIONS, user, None)
    service.revocations.disconnect(None, user)
    click.echo(f"disconnected user {user}: {counted}")


@group.command()
@click.option("--offset", type=click.IntRange(min=1), help="The event with this offset.")
@click.option("--key", help="The latest events about this: order:123.")
@click.option("--user", help="A user's connections, and the latest events for their rooms.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for a program.")
def trace(
    offset: int | None, key: str | None, user: str | None, limit: int, *, as_json: bool
) -> None:
    """Say what happened to an event: when it was committed and sequenced, which processes sent it
    to which connections, and what their clients have acknowledged.

    The exit code is 0 if there is an event, also if not all is known, 1 if there is none or the
    database does not answer, and 2 for options that make no sense."""
    if sum(one is not None for one in (offset, key, user)) != 1:
        raise click.UsageError("Give one of --offset, --key, --user.")
    tracer = _service().asking.tracer
    if offset is not None:
        found = tracer.of_offset(offset)
    elif key is not None:
        found = tracer.of_key(key, limit=limit)
    else:
        found = tracer.of_user(str(user), limit=limit)
    print_trace(found, as_json=as_json)


OUTPUT = click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Standard output if omitted."
)


@group.command()
@OUTPUT
@click.option("--check", is_flag=True, help="Write nothing; fail if the file is not up to date.")
def types(output: Path | None, check: bool) -> None:
    """Write the declared events as TypeScript, for the package @ordercast/client."""
    if check and output is None:
        raise click.UsageError("--check needs --output, the file to compare.")
    _write(typescript.module(tuple(_declared())), output, check=check)


@group.command()
@OUTPUT
@click.option("--title", help="The name of the service; the app's name if omitted.")
def asyncapi(output: Path | None, title: str | None) -> None:
    """Write the declared events as an AsyncAPI 3.0 document."""
    document = asyncapi_document(_declared(), title=title or current_app.name)
    _write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n", output)


def _declared() -> Events:
    events = _service().events
    if not events:
        fail("no_events", "this app declares no events: cast.init_app(..., events=[...])")
    return events


def _write(text: str, output: Path | None, *, check: bool = False) -> None:
    """Write the text, or compare it with what the file has."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        if not check:
            output.write_text(text, encoding="utf-8")
        elif not output.exists() or output.read_text(encoding="utf-8") != text:
            fail("stale_types", f"{output} is not what the app declares: run it without --check")
    except OSError as exc:
        fail("not_written", f"{output}: {exc.strerror}")
