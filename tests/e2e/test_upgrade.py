"""A deploy over the release whose tables had other names: clients come back as if nothing was."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.clients import loopback
from tests.harness.clients.recovering import RecoveringClient
from tests.harness.processes.service import Service
from tests.harness.servers.migrating import migrate
from tests.harness.servers.redis import RedisServer
from tests.harness.servers.releases import HEAD, INBOX_ID, MISSED, OFFSET, PID, WAITING_IDS, restore
from tests.harness.servers.schema import rows
from tests.harness.waiting import wait_until

LETTER = json.dumps({"title": "Parcel", "message": "It is on its way", "type": "info"})


@pytest.fixture(params=["sqlite", "postgres"])
def upgraded(
    request: pytest.FixtureRequest, own_redis: RedisServer, tmp_path: Path
) -> Iterator[Service]:
    """This release on a database of the one before."""
    server, _ = request.getfixturevalue(request.param)
    name = server.new_database()
    url = server.url(name)
    restore(url)
    migrate(url)
    with ExitStack() as stack:
        stack.callback(server.drop, name)
        service = Service(tmp_path, database_url=url, redis_url=own_redis.url)
        stack.callback(service.stop)
        yield service.start()


def token(service: Service, user: str) -> str:
    """An access token for the user."""
    return service.flask("token", "--sub", user, "--role", "customer").stdout.strip()


def journalled(service: Service) -> list[tuple[int, str]]:
    """(position, data) of what has a position, in its order."""
    events = rows(service.env["DATABASE_URL"], "ordercast_events")
    return sorted((row.position, row.data) for row in events if row.position is not None)


def test_a_client_of_the_release_before_gets_what_it_missed(upgraded: Service) -> None:
    alice = RecoveringClient(upgraded.url, token(upgraded, "1"), pid=PID, offset=OFFSET)
    with alice.opened():
        alice.read(1 + len(MISSED))
        assert alice.recovered
        assert alice.offsets == MISSED
        names = [name for name, _ in alice.events]
        assert names == ["notification", "order:status"]

        # And it goes on with what comes. The order that was pending for too long may be before it.
        upgraded.flask("emit", "notification", "--user", "1", "--data", LETTER)
        while alice.events[-1][0] != "notification":
            alice.read()
        assert alice.offsets == sorted(set(alice.offsets))


def test_what_waited_is_sequenced_what_was_accepted_is_not_again_and_who_was_kept_out_still_is(
    upgraded: Service,
) -> None:
    for number, title in ((INBOX_ID, "Parcel"), ("parcel-8", "Another")):
        letter = LETTER.replace("Parcel", title)
        upgraded.flask("emit", "notification", "--user", "1", "--id", number, "--data", letter)
    wait_until(
        lambda: [data for _, data in journalled(upgraded) if "Another" in data],
        "what came behind the repeat has its position",
    )
    assert sum('"Parcel"' in data for _, data in journalled(upgraded)) == 1
    positions = [position for position, _ in journalled(upgraded)]
    assert positions == list(range(1, len(positions) + 1))
    events = rows(upgraded.env["DATABASE_URL"], "ordercast_events")
    given = {row.id: row.position for row in events}
    assert [given[number] for number in WAITING_IDS] == [HEAD + 1, HEAD + 2, HEAD + 3]

    headers = {"Authorization": f"Bearer {token(upgraded, '3')}"}
    refused = loopback.get(f"{upgraded.url}/api/orders", headers=headers)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "token_revoked"
