"""The inbox is drained, and no entry of it was refused."""

from collections.abc import Iterator

from ordercast import health
from ordercast.broker import Broker
from ordercast.doctor.finding import Examination, Unhealthy
from ordercast.doctor.redis import told
from ordercast.inbox import sender as inbox


def examinations(broker: Broker) -> Iterator[Examination]:
    yield Examination("inbox", lambda: _inbox(broker))


def _inbox(broker: Broker) -> str:
    with broker.connect() as client, told():
        waiting, refused = client.xlen(broker.inbox), client.xlen(broker.refused)
        last = client.xrevrange(broker.refused, count=1)
        oldest = inbox.oldest(client, broker)
    if oldest is not None and oldest[1] > health.LATE_SECONDS:
        raise Unhealthy(
            f"{waiting} waiting, the oldest for {oldest[1]:.0f} s",
            "See the worker's log, and that one runs: flask ordercast worker",
        )
    if refused:
        reason = last[0][1][b"reason"].decode()
        raise Unhealthy(
            f"{refused} entries were refused, the last one because: {reason}",
            f"See them: XRANGE {broker.refused} - +; when that is settled: DEL {broker.refused}",
        )
    return f"{waiting} waiting, none refused"
