"""The marketplace's own time series; `GET /metrics` shows them beside the library's."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_SECONDS = Histogram(
    "ordercast_http_seconds",
    "Time to answer an HTTP request, seconds.",
    ["method", "route", "status"],
)
ATTEMPTS_OVER = Counter(
    "ordercast_attempts_over_limit_total",
    "Logins and registrations past a limit: of the account, the address or registrations.",
    ["limit"],
)
HASHING_REFUSED = Counter(
    "ordercast_hashing_refused_total",
    "Logins and registrations that found no place in the queue for hashing a password.",
)
PASSWORDS_WAITING = Gauge(
    "ordercast_passwords_waiting",
    "Logins and registrations in the processes' queues for hashing.",
    multiprocess_mode="livesum",
)
ANSWER_BYTES = Gauge(
    "ordercast_answer_bytes",
    "Memory that answers of GET /api/events hold while they are sent.",
    multiprocess_mode="livesum",
)
ANSWERS_REFUSED = Counter(
    "ordercast_answers_refused_total",
    "Requests of GET /api/events answered with 503: too many were being sent.",
)
