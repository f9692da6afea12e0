"""/api/admin: what administrators see and do. Every action is in the audit.

users.py    accounts: disable, enable, role, password, revoke, disconnect
audit.py    who did what, and when
"""

from app.http.admin import audit, users

BLUEPRINTS = (users.blueprint, audit.blueprint)
