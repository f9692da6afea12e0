"""Emits: durable events of their own, outside of any transaction of the team's.

emitter.py   writes an event over connections of its own; into the inbox while it cannot
"""

from ordercast.emits.emitter import Emitter as Emitter
