"""Socket.IO: which clients are connected, and how the journal reaches them.

live.py           the parts of one process, put together, with the next three:
distribution.py   how events reach its clients
entrance.py       the connect path
background.py     what runs in the background
options.py        the team's SocketIO options
connecting.py     the connect path: identify, admit, rooms, handler, CONNECT, replay, live
identified.py     its steps for clients with an identity
recovery.py       a client that comes back gets what it missed: from ring.py, else the journal
outcome.py        how a recovery ended           pid.py   what the client brings for it, signed
member.py         a client in one namespace, and its state
rooms.py          which clients are in which room
emits.py          an event to the clients of a room
durable.py        emits that become events of the journal
queue.py          emits to other processes, on Flask-SocketIO's own Redis channel and format
delivery.py       encoded once, sent or to wait; offsets
missed.py         what a client missed, read in pieces
replay.py         CONNECT first, then what was missed, what waited, and what comes
connections.py    the connections of this process, and their users
closing.py        ends a session, with an ending of ordercast/endings.py
sockets.py        events to clients; ends of connections: revocations, a journal that was replaced
acknowledging.py  what a client has applied, for the ledger
lifetime.py       a token that expires, and `auth:refresh`
revocations.py    the revocations, in memory
dismissal.py      ends the connections that they hit, whatever else is unavailable
census.py         counts the connections that a revocation hits
live_server.py    python-socketio's server      stock.py   python-engineio's, in development
subscription.py   the one Redis subscription of this process
follower.py       the journal's events, in position order, each once
tally.py          how many, for the metrics
ring.py           the recent past in memory      recent.py   that of a process that starts
bookkeeper.py     writes the ledger: connections, and how far this process has come
records.py        a connection as the ledger has it
marking.py        how far this process has come, for sequencers that restarted
readiness.py      the checks of /readyz: whether a worker runs, and events arrive
"""

from ordercast.live.live import Live as Live
