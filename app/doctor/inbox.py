"""What external programs sent is taken, and nothing of it was refused."""

import redis

from app import broker, inbox
from app.config import Settings
from app.doctor.finding import Check, Unhealthy


def _inbox(settings: Settings) -> str:
    try:
        with broker.connect(settings.REDIS_URL) as client:
            waiting, refused = client.xlen(inbox.STREAM), client.xlen(inbox.REFUSED)
            last = client.xrevrange(inbox.REFUSED, count=1)
    except redis.RedisError as exc:
        raise Unhealthy("cannot tell without Redis", "Repair Redis first.") from exc
    if refused:
        reason = last[0][1][b"reason"].decode()
        raise Unhealthy(
            f"{refused} entries were refused, the last one because: {reason}",
            f"See them: XRANGE {inbox.REFUSED} - +; when that is settled: DEL {inbox.REFUSED}",
        )
    return f"{waiting} waiting, none refused"


CHECKS = (Check("inbox", _inbox),)
