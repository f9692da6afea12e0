"""A legacy script: a process of its own that knows Flask-SocketIO and nothing of this service."""

import subprocess
import sys
import tempfile

OPENING = """
import os
from flask_socketio import SocketIO
socketio = SocketIO(message_queue=os.environ["REDIS_URL"], channel=os.environ["CHANNEL"])
"""


def run_script(redis_url: str, *lines: str, channel: str = "flask-socketio") -> None:
    """Run these lines of Python with `socketio`, away from our code."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-c", OPENING + "\n".join(lines)],
            cwd=folder,
            env={"REDIS_URL": redis_url, "CHANNEL": channel},
            check=True,
            timeout=60,
        )
