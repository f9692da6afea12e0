"""What `make` runs for a developer; nothing of it is part of the service."""
