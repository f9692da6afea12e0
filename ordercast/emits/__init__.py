"""Emits: events of their own, outside of any transaction of the team's, that are durable.

durable.py   which of Flask-SocketIO's emits become events of the journal
emitter.py   writes an event over connections of its own; into the inbox while it cannot
"""

from ordercast.emits.durable import Durable as Durable
from ordercast.emits.emitter import Emitter as Emitter
