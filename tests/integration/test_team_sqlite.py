"""A team's own engine on SQLite, as Flask-SQLAlchemy makes it, in a process that gevent patched."""

import subprocess
import sys
from pathlib import Path

from tests.harness.processes.process import ROOT

APP = """
from gevent import monkey
monkey.patch_all()
import sys
import gevent
from flask import Flask
from flask_socketio import SocketIO
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text
from ordercast import Ordercast

db, socketio, cast = SQLAlchemy(), SocketIO(), Ordercast()
app = Flask("team")
app.config.update(SQLALCHEMY_DATABASE_URI=sys.argv[1], ORDERCAST_REDIS_URL="redis://127.0.0.1:1")
db.init_app(app)
cast.init_app(app, socketio, engine=lambda: db.engine)
with app.app_context():
    with db.engine.begin() as connection:  # a connection of the pool from before the first use
        connection.execute(text("CREATE TABLE notes (text TEXT)"))
    print(app.extensions["ordercast"].database.dialect)
"""
# One request changes a row and asks another service before it commits; another request changes one
# meanwhile. The driver's wait would stop the first for as long as the second waits for it.
TWO_WRITERS = """
asking, answered = gevent.event.Event(), gevent.event.Event()

def write(note):
    with app.app_context():
        db.session.execute(text("INSERT INTO notes VALUES (:note)"), {"note": note})
        if note == "first":
            asking.set()
            answered.wait()
        db.session.commit()

first = gevent.spawn(write, "first")
asking.wait()
second = gevent.spawn(write, "second")
gevent.sleep(0)
print("waits" if not second.ready() else "failed")
answered.set()
gevent.joinall([first, second], raise_error=True)
with app.app_context():
    print(*db.session.scalars(text("SELECT text FROM notes")))
"""


def test_a_request_that_waits_for_another_ones_lock_lets_it_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", APP + TWO_WRITERS, f"sqlite:///{tmp_path / 'team.db'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["sqlite", "waits", "first", "second"]
