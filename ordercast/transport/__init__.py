"""A transport for Flask-SocketIO on gunicorn: WebSockets without greenlets, long-polling, and any
number of workers. It knows nothing of orders.

    worker_class = "ordercast.transport.worker.Worker"            # gunicorn.conf.py, after patching
    socketio = SocketIO(app, async_mode="gevent", serializer=StrictPacket)
    install(socketio.server, limits=Limits())

protocol.py    Socket.IO: what is malformed; install()
engine.py      Engine.IO: its requests            answers.py    and what they are answered with
session.py     one client, over either transport  inbox.py      what it sends, handled in order
packets.py     encoded once for all recipients    fanout.py     to many sessions at once
backlog.py     and what waits for one client
websocket.py   a WebSocket in the hub             frames.py     RFC 6455, without I/O
handshake.py   its opening                        timers.py     one timer for all deadlines
limits.py      what a client may cost             encoding.py   whether an answer is compressed
admission.py   which sessions count for it        attachments.py  half a message, and how long
lingering.py   WebSockets that have said CLOSE
worker.py      gunicorn's worker; how it ends     handover.py   a request to the session's owner
handler.py     one HTTP connection's requests     requests.py   and the time between them
framing.py     where each of them ends            pace.py       and how slowly it may come
accepting.py   how many connections there are     options.py    gunicorn's settings
"""

from ordercast.transport.fanout import send_all, send_piece
from ordercast.transport.limits import Limits
from ordercast.transport.protocol import ComeBackLater, StrictPacket, install

__all__ = ["ComeBackLater", "Limits", "StrictPacket", "install", "send_all", "send_piece"]
