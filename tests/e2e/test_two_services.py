"""Two services on one Redis server: nobody hears what is not for them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import redis

from tests.conftest import fresh_database
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import register
from tests.harness.processes.external import run_script
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer
from tests.harness.waiting import wait_until

NODE = Callable[..., StockClient]
NOTE = {"title": "Hello", "message": "You", "type": "info"}


@pytest.fixture
def make(
    request: pytest.FixtureRequest, own_redis: RedisServer, tmp_path: Path
) -> Iterator[Callable[..., Service]]:
    """A builder: a service with a database of its own, on database `number` of the one Redis."""
    with ExitStack() as stack:

        def build(number: int, **variables: str) -> Service:
            url = stack.enter_context(contextmanager(fresh_database)(request, "sqlite"))
            folder = tmp_path / url.rpartition("/")[2]
            folder.mkdir()
            redis_url = f"redis://127.0.0.1:{own_redis.port}/{number}"
            service = Service(folder, database_url=url, redis_url=redis_url, **variables)
            stack.callback(service.stop)
            return service.start()

        yield build


def channels(server: RedisServer) -> set[str]:
    """What anybody listens to on the server, of whatever database."""
    with redis.Redis.from_url(server.url) as client:
        return {name.decode() for name in client.pubsub_channels()}


@pytest.mark.parametrize(
    ("number", "variables", "prefix"),
    [(1, {}, "ordercast:1"), (0, {"REDIS_PREFIX": "outlet"}, "outlet:0")],
    ids=["another database", "another prefix"],
)
def test_each_service_has_channels_and_an_inbox_of_its_own(
    make: Callable[..., Service],
    own_redis: RedisServer,
    stock_client: NODE,
    number: int,
    variables: dict[str, str],
    prefix: str,
) -> None:
    shop, outlet = make(0), make(number, QUEUE_CHANNEL="outlet-emits", **variables)
    wait_until(
        lambda: {"ordercast:0:journal", f"{prefix}:journal", "outlet-emits"} <= channels(own_redis),
        "each web process listens to its own channels",
    )
    people = [register(service.url, "customer") for service in (shop, outlet)]
    try:
        clients = [
            stock_client(service.url, person.token)
            for service, person in zip((shop, outlet), people, strict=True)
        ]
        for client in clients:
            client.wait("connect")
        for service, person, title in zip((shop, outlet), people, ("shop", "outlet"), strict=True):
            note = f'{{"title": "{title}", "message": "m", "type": "info"}}'
            sent = service.flask("emit", "notification", "--user", person.id, "--data", note)
            assert sent.returncode == 0, sent.stderr
        for client, title in zip(clients, ("shop", "outlet"), strict=True):
            client.wait_event("notification")
            assert [args[0]["title"] for args in client.events()] == [title]
        with redis.Redis.from_url(own_redis.url) as channel:
            assert channel.publish("ordercast:journal", b"{}") == 0
    finally:
        for person in people:
            person.http.close()


def test_stock_emits_arrive_on_the_queue_channel_that_is_named(
    make: Callable[..., Service], stock_client: NODE
) -> None:
    service = make(0, QUEUE_CHANNEL="outlet-emits")
    alice = register(service.url, "customer")
    with closing(alice.http):
        client = stock_client(service.url, alice.token)
        client.wait("connect")
        emit = f"socketio.emit('notification', {NOTE}, to='user:{alice.id}')"
        run_script(service.env["REDIS_URL"], emit.replace("Hello", "Elsewhere"))
        run_script(service.env["REDIS_URL"], emit, channel="outlet-emits")
        client.wait_event("notification")
        assert client.events() == [[NOTE]]
