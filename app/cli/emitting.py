"""Emit events from the shell, through the inbox."""

import click
import orjson
from flask import current_app

from app.emitters import Emitters, Inbox
from ordercast import Command, CommandGroup, fail

COMMANDS = {
    "order-status": Emitters.order_status_update,
    "order-placed": Emitters.order_placed,
    "order-new": Emitters.new_order_for_seller,
    "low-stock": Emitters.low_stock_alert,
    "notification": Emitters.send_notification,
}

emit = CommandGroup("emit", help="Emit a durable event, through the inbox.")


def _emit_command(name: str) -> click.Command:
    @click.command(name, cls=Command, help=f"Emit {COMMANDS[name].__doc__}")
    @click.option("--user", "--seller", "receiver", required=True, help="Id of the receiver.")
    @click.option("--data", required=True, help="The payload, as JSON.")
    @click.option("--id", help="An id of yours; a repeat with the same id is ignored.")
    def command(receiver: str, data: str, id: str | None) -> None:
        settings = current_app.config["SETTINGS"]
        if "@" in receiver and settings.has_local_accounts:
            fail("validation_error", f"Give the id, not the e-mail address {receiver!r}.")
        try:
            payload = orjson.loads(data)
            inbox = Inbox(settings.REDIS_URL, prefix=settings.REDIS_PREFIX)
            send = inbox.send if id is None else inbox.once(id)
            COMMANDS[name](Emitters(send), receiver, payload)
        except orjson.JSONDecodeError as exc:
            fail("malformed_json", f"--data is not JSON: {exc}")
        click.echo("accepted")

    return command


for _name in COMMANDS:
    emit.add_command(_emit_command(_name))
