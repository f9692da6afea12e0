"""The library's series for Prometheus, each declared once."""

from prometheus_client import Counter, Gauge

CONNECTIONS = Gauge(
    "ordercast_connections", "Authenticated Socket.IO connections.", multiprocess_mode="livesum"
)
CONNECTS_REFUSED = Counter(
    "ordercast_connects_refused_total", "Connects and handshakes refused, by error code.", ["code"]
)
CONNECTIONS_CLOSED = Counter(
    "ordercast_connections_closed_total",
    "Connections given up: slow (did not read), flood (sent too much), expired (its token),"
    " unauthenticated (too late, or the oldest of too many).",
    ["why"],
)
REQUESTS_CUT = Counter(
    "ordercast_requests_cut_total",
    "Requests and connections given up: head or body (came too slowly), answer (was not taken),"
    " idle (for a newer connection), capacity (refused, with no idle one to close).",
    ["why"],
)
EVENTS_FANNED_OUT = Counter(
    "ordercast_events_fanned_out_total",
    "Journal events handed to this process's sockets.",
    ["name"],
)
FOLLOWER_POSITION = Gauge(
    "ordercast_follower_position",
    "Last journal position that the process has fanned out.",
    multiprocess_mode="liveall",
)
JOURNAL_RESTARTS = Counter(
    "ordercast_journal_restarts_total",
    "Times this process gave the journal a new name, because the database had lost positions.",
)
UNSEQUENCED_SECONDS = Gauge(
    "ordercast_unsequenced_seconds",
    "How long the oldest event has waited for its position, when /readyz was last asked.",
    multiprocess_mode="livemax",
)
INBOX_SECONDS = Gauge(
    "ordercast_inbox_seconds",
    "How long the oldest inbox entry has waited, when /readyz was last asked.",
    multiprocess_mode="livemax",
)
JOURNAL_READS = Counter(
    "ordercast_follower_journal_reads_total",
    "Times the follower read the journal, by reason.",
    ["reason"],
)
EVENTS_SEQUENCED = Counter("ordercast_events_sequenced_total", "Events given their position.")
EVENTS_SET_ASIDE = Counter(
    "ordercast_events_set_aside_total",
    "Journal entries that can be delivered to nobody, such as data that is no JSON: passed over.",
)
PUBLISH_FAILURES = Counter(
    "ordercast_publish_failures_total",
    "Messages that Redis did not take; the journal heals them.",
    ["what"],
)
QUEUE_MESSAGES_REFUSED = Counter(
    "ordercast_queue_messages_refused_total", "Messages on the queue's channels that made no sense."
)
RECOVERIES = Counter(
    "ordercast_recoveries_total",
    "Reconnects with a pid, by outcome: memory or journal once all that was missed is taken,"
    " interrupted if the client left before that, else why it was not recovered.",
    ["outcome"],
)
INBOX_ACCEPTED = Counter("ordercast_inbox_accepted_total", "Events taken from the inbox.")
INBOX_REFUSED = Counter(
    "ordercast_inbox_refused_total", "Inbox entries that were set aside, with their reason."
)
KEY_SET_READINGS = Counter(
    "ordercast_key_set_readings_total",
    "Times the keys at JWT_JWKS_URL were read, by outcome: ok or failed.",
    ["outcome"],
)
