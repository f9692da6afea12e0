"""A transport for Flask-SocketIO on gunicorn: WebSockets without greenlets, long-polling, and any
number of workers. It knows nothing of orders, and imports nothing of the library but itself.

    worker_class = "ordercast.transport.worker.Worker"            # gunicorn.conf.py, after patching
    def post_worker_init(worker): worker.serve(worker.wsgi.extensions["socketio"].server.eio)

    socketio = SocketIO(async_mode="gevent", client_manager=manager)              # the application
    engine = partial(Engine, Limits())
    attach(socketio, app, partial(StrictServer, connect=connect, engine=engine))

The client manager says when the client of a session has left its last namespace: Session.leave().

Layers, of which each imports only what is below it (import-linter holds it). From the top:

    worker.py       gunicorn's worker, and how it ends
    server.py       the connections of one listener     attaching.py    to Flask-SocketIO
                                                        protocol.py     Socket.IO
                                                        connect_request.py  its CONNECT, answered
    handler.py      the requests of one connection      engine.py       its Engine.IO server
    accepting.py    how many connections there are      endpoint.py     its requests
    requests.py     the time between two requests       attachments.py  messages without them
    handover.py     a request to the session's owner    registry.py     the sessions of a process
    peers.py        also on another host                pipe.py         which pipes its bytes

    admission.py    which sessions count for a limit    heartbeat.py    pings
    fanout.py       packets to many sessions at once
    session.py      one client, over either transport   state.py        its states, and its moves
    host.py         what a session asks of the registry
    incoming.py     its messages, handled in order      outbox.py       packets for its next poll
    upgrade.py      from the one transport to the other
    websocket.py    a WebSocket in the hub              lingering.py    after it has sent CLOSE
    backlog.py      packets that wait                   packets.py      encoded once for all
    frames.py       RFC 6455, without I/O

    endings.py      how sessions end                    limits.py       what a client may cost
    answers.py      answers to requests                 encoding.py     whether they are compressed
    handshake.py    a WebSocket's opening               framing.py      where a request ends
    connection.py   what a request's connection can do  pace.py         how slowly bytes may come
    timers.py       one timer for all deadlines         options.py      gunicorn's settings
    turns.py        crowds, with others in between
"""

from ordercast.transport.attaching import attach, path_of, take_back
from ordercast.transport.connect_request import ConnectRequest
from ordercast.transport.engine import Engine
from ordercast.transport.fanout import send_all, send_piece
from ordercast.transport.limits import NEVER_SECONDS, UNLIMITED_BYTES, Limits
from ordercast.transport.peers import Peers
from ordercast.transport.protocol import StrictPacket, StrictServer
from ordercast.transport.timers import Timers
from ordercast.transport.turns import Turns

__all__ = [
    "NEVER_SECONDS",
    "UNLIMITED_BYTES",
    "ConnectRequest",
    "Engine",
    "Limits",
    "Peers",
    "StrictPacket",
    "StrictServer",
    "Timers",
    "Turns",
    "attach",
    "path_of",
    "send_all",
    "send_piece",
    "take_back",
]
