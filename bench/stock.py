"""The peer of bench/compare.py: plain Flask-SocketIO, as its documentation deploys it.

    cd bench; REDIS_URL=... JWT_SECRET_KEY=... PING_INTERVAL=... gunicorn --pythonpath .. \\
        -k geventwebsocket.gunicorn.workers.GeventWebSocketWorker -w 1 bench.stock:app
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
from typing import Any  # noqa: E402

from flask import Flask  # noqa: E402
from flask_jwt_extended import JWTManager, decode_token  # noqa: E402
from flask_jwt_extended.exceptions import JWTExtendedException  # noqa: E402
from flask_socketio import ConnectionRefusedError, SocketIO, join_room  # noqa: E402
from jwt import PyJWTError  # noqa: E402

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]
JWTManager(app)
socketio = SocketIO(
    app,
    async_mode="gevent",
    message_queue=os.environ["REDIS_URL"],
    ping_interval=float(os.environ["PING_INTERVAL"]),
)


@app.get("/")
def index() -> str:
    return "ok"


@socketio.on("connect")
def connect(auth: Any = None) -> None:
    try:
        claims = decode_token(auth["token"])
    except (TypeError, KeyError, PyJWTError, JWTExtendedException) as exc:
        raise ConnectionRefusedError("Invalid token") from exc
    if claims["type"] != "access":
        raise ConnectionRefusedError("Invalid token")
    join_room(f"user:{claims['sub']}")
    if claims["role"] == "seller":
        join_room(f"seller:{claims['sub']}")
