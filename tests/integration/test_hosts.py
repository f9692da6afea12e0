"""Where the processes of all hosts are, in a real Redis."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from flask import Flask

from app.config import Settings
from ordercast.broker import Broker
from ordercast.live.hosts import GOOD_SECONDS, Hosts, hosts_key
from ordercast.settings import ConfigError
from ordercast.settings import Settings as LibrarySettings
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

HERE, THERE = ("10.0.0.5", 9100), ("fd00::6", 9101)


@pytest.fixture
def broker(own_redis: RedisServer) -> Broker:
    return Broker.of(Settings.of({"REDIS_URL": own_redis.url, "JWT_SECRET_KEY": SECRET}))


@pytest.fixture
def admin(own_redis: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(own_redis.url) as client:
        yield client


def test_processes_find_each_other_until_they_withdraw(broker: Broker) -> None:
    here, there = Hosts(broker), Hosts(broker)
    here.announce("aaaaaaaa", HERE)
    there.announce("bbbbbbbb", THERE)

    assert here.find("bbbbbbbb") == THERE
    assert there.find("aaaaaaaa") == HERE
    assert there.addresses() == {"aaaaaaaa": HERE, "bbbbbbbb": THERE}

    there.withdraw("bbbbbbbb")
    here.drop("bbbbbbbb")  # nothing listened there any more
    wait_until(lambda: here.find("bbbbbbbb") is None, "it is not found any more")


def test_a_process_that_says_nothing_any_more_is_forgotten(
    broker: Broker, admin: redis.Redis
) -> None:
    here, gone = Hosts(broker), Hosts(broker)
    gone.announce("bbbbbbbb", THERE)
    admin.zincrby(broker.hosts, -GOOD_SECONDS, "bbbbbbbb fd00::6 9101")  # that time passes

    assert here.find("bbbbbbbb") is None
    here.announce("aaaaaaaa", HERE)
    assert admin.zrange(broker.hosts, 0, -1) == [b"aaaaaaaa 10.0.0.5 9100"]


def test_while_redis_is_away_what_was_known_counts(
    broker: Broker, own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = Hosts(broker), Hosts(broker)
    there.announce("bbbbbbbb", THERE)
    assert here.find("bbbbbbbb") == THERE
    own_redis.kill()

    here.announce("aaaaaaaa", HERE)
    assert here.find("bbbbbbbb") == THERE
    assert here.find("cccccccc") is None
    here.withdraw("aaaaaaaa")
    assert caplog.text.count("hosts not read") == 1


def test_names_that_nobody_has_are_asked_for_together(broker: Broker, admin: redis.Redis) -> None:
    here = Hosts(broker)
    before = admin.info("commandstats").get("cmdstat_zrangebyscore", {}).get("calls", 0)

    with ThreadPoolExecutor(100) as clients:
        found = list(clients.map(here.find, (f"{number:08}" for number in range(100))))

    assert found == [None] * 100
    calls = admin.info("commandstats")["cmdstat_zrangebyscore"]["calls"] - before
    assert 1 <= calls < 50  # those who wait share the next read


def test_hosts_without_a_common_secret_do_not_start() -> None:
    app = Flask(__name__)
    settings = LibrarySettings.of({"ORDERCAST_PRIVATE_ADDRESS": "10.0.0.5"})

    with pytest.raises(ConfigError, match="ORDERCAST_PRIVATE_ADDRESS needs SECRET_KEY"):
        hosts_key(app, settings)

    app.secret_key = "the secret of every host"
    ours = hosts_key(app, settings)
    app.secret_key = b"the secret of every host"
    assert hosts_key(app, settings) == ours


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.5", ("10.0.0.5", 0, 0)),
        ("10.0.0.5:9100", ("10.0.0.5", 9100, 9100)),
        ("10.0.0.5:9100-9199", ("10.0.0.5", 9100, 9199)),
        ("fd00::5", ("fd00::5", 0, 0)),
        ("[fd00::5]:9100-9101", ("fd00::5", 9100, 9101)),
    ],
)
def test_a_private_address_is_read(text: str, address: tuple[str, int, int]) -> None:
    settings = LibrarySettings.of({"ORDERCAST_PRIVATE_ADDRESS": text})
    assert address == settings.PRIVATE_ADDRESS
    assert LibrarySettings.of(settings.as_config()) == settings


@pytest.mark.parametrize(
    "text",
    ["shop.example", "10.0.0", "10.0.0.5:", "10.0.0.5:9-1", "10.0.0.5:65536", "[fd00::5", "[x]:1"],
)
def test_a_private_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="ORDERCAST_PRIVATE_ADDRESS is wrong"):
        LibrarySettings.of({"ORDERCAST_PRIVATE_ADDRESS": text})
