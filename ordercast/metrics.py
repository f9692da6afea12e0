"""The library's series for Prometheus, each declared once: its name and what it is, and below it
what to conclude. `make docs` makes docs/metrics.md of that."""

from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram


@dataclass(frozen=True, slots=True)
class Measured:
    """A gauge that is measured when the metrics are read, and kept by no process. Absent when what
    it asks does not answer."""

    name: str
    documentation: str
    labels: tuple[str, ...] = ()


# -- The journal

JOURNAL_HEAD = Measured("ordercast_journal_head", "The last position that was given to an event.")
"""Its rate is that of the events. It stands still while `ordercast_unsequenced_events` grows: no
worker sequences."""
UNSEQUENCED_EVENTS = Measured(
    "ordercast_unsequenced_events",
    "Committed events that wait for their position, counted up to 10,000.",
)
"""A few for a moment are normal. It grows: the workers are too slow, or stuck."""
UNSEQUENCED_SECONDS = Measured(
    "ordercast_unsequenced_seconds",
    "How long the oldest event has waited for its position.",
)
"""Above 3: nobody gets events now. See the worker's log for `the journal's head is locked`."""
EVENTS_SEQUENCED = Counter(
    "ordercast_events_sequenced_total", "Events given their position, canaries left out."
)
"""Counted by the workers: read it at WORKER_PORT."""
EVENTS_SET_ASIDE = Counter(
    "ordercast_events_set_aside_total",
    "Journal entries that can be delivered to nobody, such as data that is no JSON: passed over.",
)
"""Not 0: a program writes rows that are no events; `doctor` names them."""
JOURNAL_RESTARTS = Counter(
    "ordercast_journal_restarts_total",
    "Times this service gave the journal a new name, because the database had lost positions.",
)
"""Not 0: a failover lost commits, or a backup was restored. Clients have read snapshots."""
PUBLISH_FAILURES = Counter(
    "ordercast_publish_failures_total",
    "Messages that Redis did not take; the journal heals them.",
    ["what"],
)
"""It grows: events arrive up to 2 s late, and none is lost. See `ordercast_redis_up`."""
STEP_FAILURES = Counter(
    "ordercast_worker_step_failures_total",
    "Steps of the background worker that failed and are tried again, by step.",
    ["step"],
)
"""It grows for `sequence` or `inbox`: events wait. The worker's log has the reason."""

# -- The inbox

INBOX_ENTRIES = Measured("ordercast_inbox_entries", "Entries of the inbox that wait.")
"""It grows: no worker drains, or slower than scripts send."""
INBOX_SECONDS = Measured(
    "ordercast_inbox_seconds", "How long the oldest entry of the inbox has waited."
)
"""Above 3: events of external scripts are late."""
INBOX_ACCEPTED = Counter("ordercast_inbox_accepted_total", "Events taken from the inbox.")
"""Counted by the workers: read it at WORKER_PORT."""
INBOX_REFUSED = Counter(
    "ordercast_inbox_refused_total", "Inbox entries that were set aside, with their reason."
)
"""Not 0: a script sends what is no event; the stream `ordercast:inbox:refused` has the entries."""

# -- Delivery

FOLLOWER_POSITION = Gauge(
    "ordercast_follower_position",
    "Last journal position that the process has fanned out.",
    multiprocess_mode="liveall",
)
"""Compare the processes: a process that stands still is frozen."""
FOLLOWER_LAG = Measured(
    "ordercast_follower_lag_events",
    "Positions of the journal that the process has not fanned out yet.",
    ("process",),
)
"""Above 0 for longer than 3 s: the clients of this process are behind; the others are not."""
COMMIT_TO_FAN_OUT = Histogram(
    "ordercast_commit_to_fan_out_seconds",
    "Time from the commit of an event until a process has fanned it out: of the event that each"
    " worker commits every CANARY_SECONDS, in each process.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
"""Its count stands still: nothing is delivered, or no worker runs. 2 s: Redis is gone. A few
hundredths are normal."""
EVENTS_FANNED_OUT = Counter(
    "ordercast_events_fanned_out_total",
    "Journal events handed to the sockets, by name; each process counts each.",
    ["name"],
)
"""Divided by the number of web processes it is the rate of the events."""
JOURNAL_READS = Counter(
    "ordercast_follower_journal_reads_total",
    "Times a process read the journal instead of relying on Redis, by reason.",
    ["reason"],
)
"""`silence` grows: no worker announces, or Redis is gone. `gap` grows: Redis drops messages."""
BACKLOG_BYTES = Gauge(
    "ordercast_backlog_bytes",
    "Bytes that wait for clients that read slowly, a few seconds ago.",
    multiprocess_mode="livesum",
)
"""It grows: many clients are slow, or the network is; one above MAX_BACKLOG_BYTES is closed."""
BACKLOG_MAX_BYTES = Gauge(
    "ordercast_backlog_max_bytes",
    "Bytes that wait for the slowest client, a few seconds ago.",
    multiprocess_mode="livemax",
)
"""Near MAX_BACKLOG_BYTES: `slow` will be counted among the endings."""
QUEUE_MESSAGES_REFUSED = Counter(
    "ordercast_queue_messages_refused_total", "Messages on the queue's channels that made no sense."
)
"""It grows: another service publishes on QUEUE_CHANNEL; `doctor` finds it."""

# -- Connections

CONNECTIONS = Gauge(
    "ordercast_connections",
    "Socket.IO connections that were accepted and are open.",
    multiprocess_mode="livesum",
)
"""It falls at once: a process ended, or a proxy in front. MAX_CONNECTIONS is of one process."""
CONNECTS = Counter(
    "ordercast_connects_total", "Connects that were accepted, by transport.", ["transport"]
)
"""Far more than people: clients come and go, see the endings. `polling` alone: a proxy lets no
WebSocket through."""
CONNECTS_REFUSED = Counter(
    "ordercast_connects_refused_total", "Connects and handshakes refused, by error code.", ["code"]
)
"""`token_...`: the issuer, clocks or keys; `check-token` explains a token. `unavailable`: the
database. `too_many_connections`: a limit."""
CONNECTIONS_ENDED = Counter(
    "ordercast_connections_ended_total",
    "Sessions that ended, by the names of docs/protocol.md.",
    ["ending"],
)
"""`ping_timeout` or `lost` grow: the network. `slow`: clients that do not read. `shutting_down`: a
deploy."""
CONNECTIONS_CLOSED = Counter(
    "ordercast_connections_closed_total",
    "Connections given up: slow (did not read), flood (sent too much), expired (its token),"
    " unauthenticated (too late, or the oldest of too many).",
    ["why"],
)
"""The endings above that a limit is the reason of."""
REQUESTS_CUT = Counter(
    "ordercast_requests_cut_total",
    "Requests and connections given up: head or body (came too slowly), answer (was not taken),"
    " idle (for a newer connection), capacity (refused, with no idle one to close).",
    ["why"],
)
"""`idle` and `capacity`: worker_connections or the file limit is reached. The others: slow clients,
or an attack."""
RECOVERIES = Counter(
    "ordercast_recoveries_total",
    "Reconnects with a pid, by outcome: memory or journal once all that was missed is taken,"
    " interrupted if the client left before that, else why it was not recovered.",
    ["outcome"],
)
"""`too_old`, `too_many`, `too_large`: these clients read snapshots; see JOURNAL_KEEP_DAYS and
RECOVERY_MAX_EVENTS. `bad_pid` after a deploy: the secret changed."""
KEY_SET_READINGS = Counter(
    "ordercast_key_set_readings_total",
    "Times the keys at JWT_JWKS_URL were read, by outcome: ok or failed.",
    ["outcome"],
)
"""`failed` grows: the issuer cannot be reached; the keys of before still count."""

# -- What the service stands on

PROCESSES = Gauge(
    "ordercast_processes",
    "Processes of this host whose metrics these are.",
    multiprocess_mode="livesum",
)
"""Fewer than configured: a process does not start, or the processes do not share their metrics."""
DATABASE_UP = Measured("ordercast_database_up", "Whether the database answers: 1 or 0.")
"""0: HTTP answers 503, clients stay connected."""
REDIS_UP = Measured("ordercast_redis_up", "Whether Redis answers: 1 or 0.")
"""0: events arrive within 2 s, and none is lost; the inbox takes nothing."""
CLOCK_AHEAD = Gauge(
    "ordercast_database_clock_ahead_seconds",
    "How far the database's clock is ahead of the process's; negative: behind.",
    multiprocess_mode="liveall",
)
"""More than a second, either way: set the clocks; tokens and revocations are compared by them."""
POOL_CONNECTIONS = Gauge(
    "ordercast_database_pool_connections",
    "Connections of the pools to the database, in_use or idle, a few seconds ago.",
    ["state"],
    multiprocess_mode="livesum",
)
"""`in_use` near the pool's size times the processes: statements are slow, or the pool is small."""
POOL_MAX = Gauge(
    "ordercast_database_pool_max_connections",
    "Connections to the database that the processes may have at most.",
    multiprocess_mode="livesum",
)
"""Above PostgreSQL's max_connections, over all hosts: make the pools smaller."""

LEDGER_FAILURES = Counter(
    "ordercast_ledger_failures_total",
    "Times a process could not write into the ledger, which `trace` reads; it tries again.",
)
"""It grows: Redis takes no writes. Delivery goes on."""
LEDGER_LOST = Counter(
    "ordercast_ledger_lost_total",
    "Ended connections that the ledger never got, as Redis took nothing for long.",
)
"""`trace` says `unknown` of these connections."""

# Every series exists at 0 from the beginning: one that appears later has no rate.
for series, values in (
    (PUBLISH_FAILURES, ("journal", "doorbell")),
    (JOURNAL_READS, ("start", "gap", "silence")),
    (REQUESTS_CUT, ("head", "body", "answer", "idle", "capacity")),
    (KEY_SET_READINGS, ("ok", "failed")),
):
    for value in values:
        series.labels(value)
