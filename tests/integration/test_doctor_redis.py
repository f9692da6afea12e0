"""What `flask doctor` says of a Redis that answers, and is not what the service needs."""

from collections.abc import Callable

import pytest
import redis

from app.config import Settings
from ordercast import Level, Unhealthy
from ordercast.broker import Broker
from ordercast.doctor import redis as subject
from ordercast.doctor.inbox import examinations as of_the_inbox
from ordercast.emits.listening import channels
from tests.harness.processes.process import SECRET
from tests.harness.servers.acl import rules as of_deploy
from tests.harness.servers.redis import RedisServer

Found = dict[str, tuple[Level, str]]


def acl(admin: redis.Redis, user: str, *rules: str) -> None:
    """A user with the password `word` and these rules."""
    command = ("ACL", "SETUSER", user, "on", ">word", *rules)
    admin.execute_command(*command)  # type: ignore[no-untyped-call]


@pytest.fixture
def ask(own_redis: RedisServer) -> Callable[..., Found]:
    """Run the checks that need Redis alone -> {name: (level, text)}."""

    def ask(**changes: str) -> Found:
        given = {"REDIS_URL": own_redis.url, "JWT_SECRET_KEY": SECRET, **changes}
        broker = Broker.of(Settings.of(given))
        found: Found = {}
        for examination in (*subject.examinations(broker), *of_the_inbox(broker)):
            try:
                found[examination.name] = (Level.OK, examination.ask())
            except Unhealthy as exc:
                found[examination.name] = (exc.level, exc.args[0])
        return found

    return ask


@pytest.fixture
def admin(own_redis: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(own_redis.url)


def levels(found: Found) -> dict[str, Level]:
    return {name: level for name, (level, _) in found.items()}


WELL = dict.fromkeys(("redis", "redis memory", "redis neighbours", "inbox"), Level.OK)


def test_a_plain_redis_is_well_and_keeps_nothing_of_the_examination(
    ask: Callable[..., Found], admin: redis.Redis
) -> None:
    assert levels(ask()) == WELL
    assert admin.keys() == []


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        ("~ordercast:* &ordercast:* +@all", "subscribe to flask-socketio"),
        ("~ordercast:* &flask-socketio &ordercast:0:doorbell +@all", "ordercast:0:journal"),
        ("~ordercast:* &* +@all -publish", "publish to flask-socketio"),
        ("~ordercast:inbox &* +@all", "write keys that begin with ordercast:"),
        ("~ordercast:* &* +@all -xadd", "write keys that begin with ordercast:"),
    ],
)
def test_a_permission_that_is_missing_is_named(
    ask: Callable[..., Found],
    admin: redis.Redis,
    own_redis: RedisServer,
    rules: str,
    missing: str,
) -> None:
    acl(admin, "limited", "resetchannels", *rules.split())
    found = ask(REDIS_URL=own_redis.url.replace("//", "//limited:word@"))
    level, text = found["redis"]
    assert level is Level.FAIL
    assert text.startswith("the Redis user may not ")
    assert missing in text


def test_a_check_that_redis_does_not_answer_says_what_redis_said(
    ask: Callable[..., Found], admin: redis.Redis, own_redis: RedisServer
) -> None:
    """It said that Redis was unavailable, beside a line that Redis was well."""
    rules = "~* &* +@all -info -pubsub -xlen"
    acl(admin, "limited", *rules.split())
    found = ask(REDIS_URL=own_redis.url.replace("//", "//limited:word@"))
    assert found.pop("redis")[0] is Level.OK
    for level, text in found.values():
        assert level is Level.FAIL
        assert text.startswith("cannot tell: ")
        assert "permissions" in text


def test_a_redis_that_is_full_is_no_well_one(ask: Callable[..., Found], admin: redis.Redis) -> None:
    admin.config_set("maxmemory", "1")
    level, text = ask()["redis"]
    assert level is Level.FAIL
    assert "maxmemory" in text


def test_a_replica_is_no_redis_to_write_to(ask: Callable[..., Found], admin: redis.Redis) -> None:
    admin.replicaof("127.0.0.1", "1")
    level, text = ask()["redis"]
    assert level is Level.FAIL
    assert "read only" in text


@pytest.mark.parametrize(
    ("maxmemory", "policy", "level"),
    [
        ("100mb", "allkeys-lru", Level.FAIL),
        ("100mb", "allkeys-random", Level.FAIL),
        ("100mb", "volatile-lru", Level.OK),
        ("100mb", "noeviction", Level.OK),
        ("0", "allkeys-lru", Level.OK),
    ],
)
def test_a_redis_that_may_evict_the_inbox_is_found(
    ask: Callable[..., Found], admin: redis.Redis, maxmemory: str, policy: str, level: Level
) -> None:
    admin.config_set("maxmemory", maxmemory)
    admin.config_set("maxmemory-policy", policy)
    found = ask()["redis memory"]
    assert found[0] is level
    assert policy in found[1]


def test_another_service_on_the_queue_channel_is_found_whatever_its_database(
    ask: Callable[..., Found], own_redis: RedisServer
) -> None:
    """A process of each listens as web processes do, and then a stock one as well."""
    url = own_redis.url
    ours, theirs = Broker(url), Broker(url.replace("/0", "/1"))
    with ours.connect() as client, client.pubsub() as web:
        web.subscribe(ours.queue_channel, ours.journal_channel)
        assert levels(ask()) == WELL
        with theirs.connect() as other, other.pubsub() as outlet:
            outlet.subscribe(theirs.queue_channel, theirs.journal_channel)
            level, text = ask()["redis neighbours"]
            assert level is Level.WARN
            assert text.startswith("1 others listen to flask-socketio")
            assert "ordercast:1:journal" in text
            outlet.subscribe("outlet")
        assert levels(ask(QUEUE_CHANNEL="outlet"))["redis neighbours"] is Level.OK


def test_a_worker_that_hears_the_queue_is_no_other_service(
    ask: Callable[..., Found], own_redis: RedisServer
) -> None:
    """Without its connection to the journal: the worker itself publishes that."""
    broker = Broker(own_redis.url)
    with broker.connect() as client, client.pubsub() as worker:
        worker.subscribe(*channels(broker))
        assert levels(ask()) == WELL


def test_the_rules_that_it_advises_suffice(
    ask: Callable[..., Found], admin: redis.Redis, own_redis: RedisServer
) -> None:
    rules = subject.RULES.split()
    assert of_deploy("ordercast") == ["resetchannels", *rules]
    acl(admin, "limited", "resetchannels", *rules)
    assert levels(ask(REDIS_URL=own_redis.url.replace("//", "//limited:word@"))) == WELL


def test_all_keys_of_the_examination_begin_with_the_prefix(
    ask: Callable[..., Found], admin: redis.Redis, own_redis: RedisServer
) -> None:
    rules = "~shop:* &shop:* &emits +@all"
    acl(admin, "shop", "resetchannels", *rules.split())
    url = own_redis.url.replace("//", "//shop:word@")
    found = ask(REDIS_URL=url, REDIS_PREFIX="shop", QUEUE_CHANNEL="emits")
    assert levels(found) == WELL, found
