"""/api/admin: what administrators see and do. Every action is in the audit.

users.py    accounts: disable, enable, role, password, revoke, disconnect
service.py  processes, workers, what waits; connections
journal.py  events, what happened to each; refused entries of the inbox
audit.py    who did what, and when
"""

from app.http.admin import audit, journal, service, users

BLUEPRINTS = (users.blueprint, service.blueprint, journal.blueprint, audit.blueprint)
