"""How many connections a process can have: each is an open file."""

import resource

from ordercast.settings import Settings

SPARE_FILES = 200  # descriptors besides the connections


def max_files() -> int | None:
    """How many files this process may have open, once gunicorn_options() has raised the soft
    limit; None: any number."""
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if limit == resource.RLIM_INFINITY else limit


def max_open() -> int:
    """How many connections the file limit allows, authenticated or not; 0: any number."""
    files = max_files()
    return 0 if files is None else max(1, files - SPARE_FILES)


def max_connections(settings: Settings) -> int:
    """MAX_CONNECTIONS, or as many as the file limit allows if they are fewer; 0: any number."""
    possible = max_open()
    if not possible:
        return settings.MAX_CONNECTIONS
    return min(settings.MAX_CONNECTIONS or possible, possible)
