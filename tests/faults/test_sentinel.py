"""Sentinels that are gone, silent, or ask for a password, and a master that they replace."""

import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import redis

from ordercast.broker import MAX_REDIS_ERROR_CHARACTERS, Broker, connect, reason
from ordercast.live.subscription import Subscription
from tests.harness.clients import loopback
from tests.harness.people.person import register
from tests.harness.processes.service import Service
from tests.harness.servers import acl
from tests.harness.servers.redis import RedisServer
from tests.harness.servers.sentinels import (
    PASSWORD,
    SERVICE,
    knows_replica,
    replica_of,
    sentinel,
    silent_host,
    vanished_host,
)
from tests.harness.waiting import DEADLINE_SECONDS, wait_until

AS_SENTINELS = f"?sentinel_password={PASSWORD}"


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own with the users of deploy/."""
    server = RedisServer(tmp_path, options=acl.options(tmp_path))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def hosts(guarded_redis: RedisServer, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """One of a host that is gone, one that is frozen, and the one that answers, in this order."""
    with (
        vanished_host() as gone,
        silent_host() as frozen,
        sentinel(tmp_path, guarded_redis) as answering,
    ):
        yield gone, frozen, answering


def test_the_third_sentinel_is_asked_when_the_first_is_gone_and_the_second_silent(
    hosts: tuple[str, str, str], guarded_redis: RedisServer
) -> None:
    url = f"redis+sentinel://{','.join(hosts)}/0/{SERVICE}{AS_SENTINELS}"
    with connect(url) as client:
        assert client.ping()
        assert client.info("server")["tcp_port"] == guarded_redis.port


def test_the_first_question_after_it_goes_to_the_sentinel_that_answered(
    hosts: tuple[str, str, str],
) -> None:
    url = f"redis+sentinel://{','.join(hosts)}/0/{SERVICE}{AS_SENTINELS}"
    with connect(url) as client:
        client.ping()
        first = client.connection_pool.sentinel_manager.sentinels[0]
        given = first.connection_pool.connection_kwargs
        assert f"{given['host']}:{given['port']}" == hosts[2]


def test_without_the_sentinels_password_the_error_says_so_for_each_in_one_line(
    hosts: tuple[str, str, str],
) -> None:
    url = f"redis+sentinel://{','.join(hosts)}/0/{SERVICE}"
    with connect(url) as client, pytest.raises(redis.ConnectionError) as failed:
        client.ping()
    said = reason(failed.value)
    assert "\n" not in said
    assert len(said) <= MAX_REDIS_ERROR_CHARACTERS
    assert "Redis<" not in said
    assert "ConnectionPool" not in said
    assert all(host in said for host in hosts)
    assert "must be called with the client already authenticated" in said


class Enough(BaseException):
    """Ends what runs for ever."""


def test_when_sentinels_promote_a_replica_messages_go_on_there(
    guarded_redis: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "replica").mkdir()
    heard: list[bytes] = []
    with (
        replica_of(guarded_redis, tmp_path / "replica") as replica,
        sentinel(tmp_path, guarded_redis) as answering,
    ):
        wait_until(lambda: knows_replica(answering), "the Sentinel knows the replica")
        broker = Broker(
            f"redis+sentinel://ordercast:{acl.PASSWORD}@{answering}/0/{SERVICE}{AS_SENTINELS}"
        )

        def receive(message: bytes) -> None:
            heard.append(message)
            if message == b"before":
                guarded_redis.kill()
            else:
                raise Enough

        def on_subscribed() -> None:
            with broker.connect() as client:
                client.publish(broker.journal_channel, b"after" if heard else b"before")
                if heard:
                    assert client.info("server")["tcp_port"] == replica.port

        def follow() -> None:
            channels = {broker.journal_channel: receive}
            with suppress(Enough):
                Subscription(
                    broker, channels, on_subscribed=on_subscribed, after_messages=lambda: None
                ).run()

        following = threading.Thread(target=follow, daemon=True)
        following.start()
        following.join(DEADLINE_SECONDS)
        assert not following.is_alive()
    assert heard == [b"before", b"after"]


def test_a_service_whose_redis_and_sentinels_know_different_users_is_ready_and_takes_emits(
    guarded_redis: RedisServer, sqlite_url: str, tmp_path: Path
) -> None:
    """The deadlines are those of every test: it was a minute for each question."""
    with (
        vanished_host() as gone,
        silent_host() as frozen,
        sentinel(tmp_path, guarded_redis) as answering,
    ):
        hosts = f"ordercast:{acl.PASSWORD}@{gone},{frozen},{answering}"
        asked = f"sentinel_username=ordercast&sentinel_password={PASSWORD}"
        url = f"redis+sentinel://{hosts}/0/{SERVICE}?{asked}"
        service = Service(tmp_path, database_url=sqlite_url, redis_url=url).start()
        try:
            answer = loopback.get(f"{service.url}/readyz", timeout=DEADLINE_SECONDS)
            assert answer.json()["redis"] == "ok"
            alice = register(service.url, "customer")
            with closing(alice.http):
                note = '{"title": "Hello", "message": "You", "type": "info"}'
                sent = service.flask("emit", "notification", "--user", alice.id, "--data", note)
                assert (sent.returncode, sent.stdout) == (0, "accepted\n")
            examined = service.flask("doctor")
            assert "ok    redis:" in examined.stdout
            assert "ok    worker:" in examined.stdout
            said = examined.stdout + examined.stderr
            assert not any(word in said for word in (PASSWORD, acl.PASSWORD))
        finally:
            service.stop()
