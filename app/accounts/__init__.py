"""Accounts: users, their login sessions and tokens, and revocations."""
