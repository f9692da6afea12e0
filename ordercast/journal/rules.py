"""What SQLite itself checks and does when an event is written, as the migrations make it.

JSON is checked beside the table and not in it: an old row that is no JSON must not stop an upgrade,
and a constraint means a copy of the table. A row is checked when it is written and not when it gets
its position: an old row would stop the sequencer.

Room and name are checked in the same way, as far as a database can.

The positions of further rooms are written when an event gets its position, whichever release's
sequencer gives it, and only for rooms that fit: a row of another program must not stop it.
"""

from ordercast.events import RESERVED

# What append() refuses: events.py.
NAMES = ", ".join(f"'{name}'" for name in sorted(RESERVED))
CAN_BE = (
    "ordercast_events must have a room and a name of 1 to 255 characters, and no name that clients"
    " reserve"
)

RULES = (
    *(
        f"CREATE TRIGGER ordercast_events_data_is_json_{name} BEFORE {moment}"
        " ON ordercast_events WHEN NOT json_valid(NEW.data)"
        " BEGIN SELECT RAISE(ABORT, 'ordercast_events.data is not JSON'); END"
        for name, moment in (("insert", "INSERT"), ("update", "UPDATE OF data"))
    ),
    "CREATE TRIGGER ordercast_events_further_rooms AFTER UPDATE OF position ON ordercast_events"
    " WHEN NEW.position IS NOT NULL AND json_valid(NEW.further_rooms)"
    " BEGIN"
    " INSERT OR IGNORE INTO ordercast_further_rooms (room, position)"
    " SELECT value, NEW.position FROM json_each(NEW.further_rooms)"
    " WHERE type = 'text' AND length(value) BETWEEN 1 AND 255;"
    " END",
    *(
        f"CREATE TRIGGER ordercast_events_can_be_sent_{name} BEFORE {moment}"
        " ON ordercast_events"
        " WHEN NOT (typeof(NEW.room) = 'text' AND length(NEW.room) BETWEEN 1 AND 255"
        " AND instr(NEW.room, char(0)) = 0 AND typeof(NEW.name) = 'text'"
        " AND length(NEW.name) BETWEEN 1 AND 255 AND instr(NEW.name, char(0)) = 0"
        f" AND (NEW.name NOT IN ({NAMES}) OR NEW.room = 'control'))"
        f" BEGIN SELECT RAISE(ABORT, '{CAN_BE}'); END"
        for name, moment in (("insert", "INSERT"), ("update", "UPDATE OF room, name"))
    ),
)
