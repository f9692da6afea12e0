"""E-mail addresses are stored in one Unicode form.

Of two that become the same, one stays as it is.
"""

import logging
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

logger = logging.getLogger("alembic.runtime.migration")
MAX_CHARACTERS = 254
USERS = sa.table("users", sa.column("id", sa.BigInteger()), sa.column("email", sa.String()))


def upgrade() -> None:
    bind = op.get_bind()
    found = bind.execute(sa.select(USERS.c.id, USERS.c.email).order_by(USERS.c.id)).all()
    taken = {row.email for row in found}
    for row in found:
        # As app/accounts/addresses.py has it at this revision.
        form = unicodedata.normalize("NFC", unicodedata.normalize("NFC", row.email).lower())
        if form == row.email or len(form) > MAX_CHARACTERS:
            continue
        if form in taken:
            logger.warning("user %s keeps its address: another account has its form", row.id)
            continue
        bind.execute(sa.update(USERS).where(USERS.c.id == row.id).values(email=form))
        taken.add(form)


def downgrade() -> None:
    """Keep the addresses: the release before finds them as they are typed on most keyboards."""
