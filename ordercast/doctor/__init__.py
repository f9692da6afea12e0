"""`flask ordercast doctor`: what the service needs, checked for real, and what to do otherwise.

finding.py    an examination, and its finding
examining.py  all examinations at once, each with a deadline; a team's own beside the library's
database.py  connections.py  redis.py  process.py  worker.py  journal.py  inbox.py
              the library's examinations, by subject
"""
