"""Trace: what happened to the events of an order, to one event, or to those for a user."""

import click

from app.accounts import administration
from app.extension import cast
from app.orders.models import NUMBER_PREFIX
from ordercast import Command, CommandGroup, fail, print_trace

MAX_DIGITS = 19
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object, for a program.")
LIMIT = click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)

trace = CommandGroup(
    "trace",
    help="Say what happened to events: sent by which processes to which connections, and read.",
)


@trace.command(cls=Command)
@click.argument("order_id", metavar="ID|NUMBER")
@LIMIT
@AS_JSON
def order(order_id: str, limit: int, *, as_json: bool) -> None:
    """Trace the latest events of an order, by its id or its number OC-00000123.

    The exit code is 0 if there is an event, 1 if there is none or the database does not answer."""
    digits = order_id.upper().removeprefix(NUMBER_PREFIX)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        fail("validation_error", f"Give an order's id or number, not {order_id[:100]!r}.")
    print_trace(cast.trace(key=f"order:{int(digits)}", limit=limit), as_json=as_json)


@trace.command(cls=Command)
@click.argument("offset", type=click.IntRange(min=1))
@AS_JSON
def event(offset: int, *, as_json: bool) -> None:
    """Trace the event with this offset."""
    print_trace(cast.trace(offset=offset), as_json=as_json)


@trace.command(cls=Command)
@click.argument("id_or_email", metavar="ID|EMAIL")
@LIMIT
@AS_JSON
def user(id_or_email: str, limit: int, *, as_json: bool) -> None:
    """Trace the latest events for a user, and list the user's connections."""
    person = administration.find(id_or_email)
    if person is None:
        fail("not_found", f"No token can name the user {id_or_email!r}.")
    print_trace(cast.trace(user=person.id, limit=limit), as_json=as_json)
