"""Revocation: tokens that are refused, in the database and, within a second, in every process.

rules.py    whom a revocation hits        store.py   writes and reads revocations
tables.py   ordercast_revocations
"""

from ordercast.revocation.rules import Mark, RevocationKind, Rule, Rules, issued_until
from ordercast.revocation.store import RevocationStore, mark_of, prune

__all__ = [
    "Mark",
    "RevocationKind",
    "RevocationStore",
    "Rule",
    "Rules",
    "issued_until",
    "mark_of",
    "prune",
]
