"""Real processes: the service, gunicorn, commands, external scripts."""
