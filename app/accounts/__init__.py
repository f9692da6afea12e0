"""Who is who: users, their sessions and tokens, and what has been revoked."""
