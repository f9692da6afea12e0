"""The secret and the file limit that a process of the service needs."""

from collections.abc import Iterator

from ordercast.capacity import SPARE_FILES, max_connections, max_files
from ordercast.doctor.finding import Doubtful, Examination, Unhealthy
from ordercast.settings import Settings

FEW_CONNECTIONS = 1000  # of a process; fewer are worth a warning
WEAK_SECRETS = ("secret", "change", "example", "password")


def examinations(settings: Settings) -> Iterator[Examination]:
    yield Examination("secrets", lambda: _secrets(settings))
    yield Examination("file limit", lambda: _files(settings))


def _secrets(settings: Settings) -> str:
    secret = settings.JWT_SECRET_KEY
    if secret is None:
        return "no ORDERCAST_JWT_SECRET_KEY"
    if any(word in secret.lower() for word in WEAK_SECRETS):
        advice = "Make one: python -c 'import secrets; print(secrets.token_hex(32))'"
        raise Unhealthy("ORDERCAST_JWT_SECRET_KEY looks like an example's", advice)
    return "ORDERCAST_JWT_SECRET_KEY is long enough"


def _files(settings: Settings) -> str:
    """Without MAX_CONNECTIONS a process has as many connections as its limit allows."""
    files, possible = max_files(), max_connections(settings)
    if files is None:
        return "none"
    wanted = settings.MAX_CONNECTIONS + SPARE_FILES
    advice = (
        f"Run `ulimit -Hn {wanted}` where the web process starts,"
        " or lower ORDERCAST_MAX_CONNECTIONS."
    )
    if "MAX_CONNECTIONS" in settings.model_fields_set and files < wanted:
        text = (
            f"{files} allowed; ORDERCAST_MAX_CONNECTIONS={settings.MAX_CONNECTIONS} needs {wanted}"
        )
        raise Unhealthy(text, advice)
    enough = f"{files} allowed: a process takes up to {possible} connections"
    if possible < FEW_CONNECTIONS and files < wanted:
        raise Doubtful(enough, advice)
    return enough
