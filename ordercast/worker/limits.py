"""How long a transaction of the worker may take. All events wait for the sequencer, so a worker
that is frozen, or swapped out, inside a transaction must not hold its locks: the server ends that
database session, and another worker goes on."""

from sqlalchemy import event, text
from sqlalchemy.engine import Connection

from ordercast.database import AUTOCOMMIT, READS, Database
from ordercast.journal import LOCK_SECONDS

IDLE_SECONDS = 5  # between two statements of one transaction
STATEMENT_SECONDS = 30
ANSWER_SECONDS = STATEMENT_SECONDS + 5  # then the server itself hangs
NAME = "ordercast worker"  # in pg_stat_activity

# Local to the transaction: behind PgBouncer other programs share the session.
LIMITS = text("""
SELECT set_config('lock_timeout', :lock, true), set_config('statement_timeout', :statement, true),
       set_config('idle_in_transaction_session_timeout', :idle, true),
       set_config('application_name', :name, true)
""").bindparams(
    lock=f"{LOCK_SECONDS}s", statement=f"{STATEMENT_SECONDS}s", idle=f"{IDLE_SECONDS}s", name=NAME
)


def limit_transactions(database: Database) -> None:
    """Limit the transactions of this process from now on: the library's, and those of the team's
    steps. Not the library's own reads, which hold no lock."""
    database.limit_answers(ANSWER_SECONDS)
    if database.dialect == "postgresql":
        event.listen(database.engine, "begin", _limit)


def _limit(connection: Connection) -> None:
    options = connection.get_execution_options()
    # Where each statement is a transaction of its own, these limits would end before it.
    if not options.get(READS) and options.get("isolation_level") != AUTOCOMMIT:
        connection.execute(LIMITS)
