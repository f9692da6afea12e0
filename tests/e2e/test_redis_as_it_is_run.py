"""A service on Valkey, over TLS of a private authority, with the users of deploy/."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from tests.harness.clients.stock import StockClient
from tests.harness.people.person import register
from tests.harness.processes import scripts
from tests.harness.processes.external import run_script
from tests.harness.processes.service import Service
from tests.harness.servers import acl
from tests.harness.servers.redis import VALKEY, RedisServer
from tests.harness.servers.tls import Tls

HELLO = {"title": "Hello", "message": "From outside", "type": "info"}


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path, program=VALKEY, options=acl.options(tmp_path))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def url_of(valkey: RedisServer, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A builder: the URL of a user."""
    tls = Tls(tmp_path, in_front_of=valkey.port)
    where = f"127.0.0.1:{tls.port}/0?ssl_ca_certs={tls.authority}"
    yield lambda user: f"rediss://{user}:{acl.PASSWORD}@{where}"
    tls.stop()


def test_the_users_of_deploy_may_do_what_the_service_and_its_scripts_do(
    valkey: RedisServer,
    url_of: Callable[[str], str],
    sqlite_url: str,
    tmp_path: Path,
    stock_client: Callable[..., StockClient],
) -> None:
    service = Service(
        tmp_path,
        database_url=sqlite_url,
        redis_url=url_of("ordercast"),
        JWT_SECRET_KEY=secrets.token_hex(32),
    ).start()
    try:
        alice = register(service.url, "customer")
        with closing(alice.http):
            customer = stock_client(service.url, alice.token)
            customer.wait("connect")
            scripts.python_with_redis_only(url_of("scripts"), alice.id, HELLO, "script-1")
            customer.wait_event("notification", 1)
            run_script(
                url_of("legacy-scripts"),
                f"socketio.emit('notification', {HELLO!r}, to='user:{alice.id}')",
            )
            customer.wait_event("notification", 2)
            revoked = service.flask("revoke", "--user", alice.id)
            assert "1 socket" in revoked.stdout, revoked.stdout  # every process was asked
            customer.wait("disconnect")
        examined = service.flask("doctor")
        assert examined.returncode == 0, examined.stdout
        assert acl.PASSWORD not in examined.stdout + examined.stderr
    finally:
        service.stop()
    with redis.Redis.from_url(valkey.url) as admin:
        assert acl.denied(admin) == []
    with (
        redis.Redis.from_url(url_of("scripts")) as script,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        script.xrange("ordercast:inbox")
