"""Emits: events of their own, outside of any transaction of the team's, that are durable.

durable.py    which of Flask-SocketIO's emits become events of the journal
emitter.py    writes an event over connections of its own; into the inbox while it cannot
relay.py      emits of external scripts, journalled by one of the workers
listening.py  its subscription          heard.py   what waits to be journalled
leading.py    which worker it is        messages.py   of the stock queue       tables.py
"""

from ordercast.emits.durable import Durable as Durable
from ordercast.emits.emitter import Emitter as Emitter
