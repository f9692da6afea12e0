"""The commands, under `flask --app wsgi`:

access.py      token | revoke | disconnect; check-token is the library's
users.py       users: list, add, disable, enable, role, password
emitting.py    emit
tracing.py     trace: order, event, user
migrations.py  db
running.py     worker | demo-data | doctor
"""

from click import Group
from flask import Flask

from app.cli import access, emitting, migrations, running, tracing, users


def init_app(app: Flask) -> None:
    library = app.cli.commands["ordercast"]
    assert isinstance(library, Group)
    app.cli.add_command(migrations.migrations)
    for command in (
        running.worker,
        emitting.emit,
        tracing.trace,
        access.token,
        library.commands["check-token"],
        users.users,
        access.revoke,
        access.disconnect,
        running.demo_data,
        running.examine,
    ):
        app.cli.add_command(command)
