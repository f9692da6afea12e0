"""What the service stands on: Redis, PostgreSQL, SQLite, and proxies in front of them."""
