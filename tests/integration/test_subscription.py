"""The subscription comes back, whatever was said to it."""

from pathlib import Path

import pytest

from ordercast.broker import Broker
from ordercast.live.subscription import Subscription
from tests.harness.faults.proxy import Proxy
from tests.harness.servers.redis import RedisServer


class Enough(BaseException):
    """Ends what runs for ever."""


def test_what_is_no_redis_protocol_ends_the_connection_and_not_the_subscription(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A balancer in front of Redis that answers in its own words."""
    redis = RedisServer(tmp_path)
    redis.start()
    proxy = Proxy(redis.port)
    subscribed = 0

    def on_subscribed() -> None:
        nonlocal subscribed
        subscribed += 1
        if subscribed == 2:
            raise Enough
        proxy.say(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")

    try:
        url = proxy.url.replace("http", "redis")
        with pytest.raises(Enough):
            Subscription(Broker(url), {"a": print}, on_subscribed=on_subscribed).run()
    finally:
        proxy.close()
        redis.stop()
    assert "redis subscription lost" in caplog.text
