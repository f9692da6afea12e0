"""The rooms that clients joined or left after their connect, in the database: recovery restores
them, in any process.

tables.py   the table
store.py    joining, leaving, taking over, pruning
"""

from ordercast.joined.store import MORE, Client, Joined, JoinedRooms, Superseded, prune

__all__ = ["MORE", "Client", "Joined", "JoinedRooms", "Superseded", "prune"]
