"""Revocation: tokens that are refused, in the database and, within a second, in every process.

rules.py     whom a revocation hits           store.py     writes them, and checks identities
memory.py    the revocations, in memory       counter.py   a host's processes learn of new ones
commits.py   transactions that revoke         tables.py    ordercast_revocations
"""

from ordercast.revocation.memory import Revocations
from ordercast.revocation.rules import Mark, RevocationKind, Rule, Rules, issued_until
from ordercast.revocation.store import RevocationStore, mark_of, prune

__all__ = [
    "Mark",
    "RevocationKind",
    "RevocationStore",
    "Revocations",
    "Rule",
    "Rules",
    "issued_until",
    "mark_of",
    "prune",
]
