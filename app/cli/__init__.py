"""The commands, under `flask --app wsgi`:

access.py      token | revoke | disconnect
users.py       users: list, add, disable, enable, role, password
emitting.py    emit
running.py     worker | demo-data | doctor
"""

from flask import Flask

from app.cli import access, emitting, running, users


def init_app(app: Flask) -> None:
    for command in (
        running.worker,
        emitting.emit,
        access.token,
        users.users,
        access.revoke,
        access.disconnect,
        running.demo_data,
        running.examine,
    ):
        app.cli.add_command(command)
