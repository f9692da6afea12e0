"""The marketplace's own time series, each declared once as in ordercast/metrics.py; `GET /metrics`
shows them beside the library's."""

from prometheus_client import Counter, Gauge, Histogram

# -- The marketplace

HTTP_SECONDS = Histogram(
    "ordercast_http_seconds",
    "Time to answer an HTTP request, seconds, by its method, route and status.",
    ["method", "route", "status"],
)
"""Its count is that of requests. 503: the database, or a limit; 429: a client over its limit."""
ATTEMPTS_OVER = Counter(
    "ordercast_attempts_over_limit_total",
    "Logins and registrations past a limit: of the account, the address or registrations.",
    ["limit"],
)
"""It grows: somebody guesses passwords, or many people share an address."""
HASHING_REFUSED = Counter(
    "ordercast_hashing_refused_total",
    "Logins and registrations that found no place in the queue for hashing a password.",
)
"""It grows: more logins than the processes hash; see MAX_LOGINS_WAITING and PASSWORD_HASH_KIB."""
PASSWORDS_WAITING = Gauge(
    "ordercast_passwords_waiting",
    "Logins and registrations in the processes' queues for hashing.",
    multiprocess_mode="livesum",
)
"""Near MAX_LOGINS_WAITING times the processes: logins will be refused."""
ANSWER_BYTES = Gauge(
    "ordercast_answer_bytes",
    "Memory that answers of GET /api/events hold while they are sent.",
    multiprocess_mode="livesum",
)
"""It grows: many clients without recovery read what they missed at the same time."""
ANSWERS_REFUSED = Counter(
    "ordercast_answers_refused_total",
    "Requests of GET /api/events answered with 503: too many were being sent.",
)
"""It grows: these clients try again a moment later; let them use recovery."""
