"""The inbox: events that external processes send, on their way into the journal.

sender.py   Inbox: adds an event to the stream; loads no Flask and no SQLAlchemy
letters.py  an entry of the stream, understood or refused
drain.py    from the stream into the journal, exactly once
refusals.py what was refused: listed, tried again, deleted
lease.py    which worker does that
tables.py   the ids that were accepted
"""
