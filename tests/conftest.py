"""The fixtures, from servers up to people. Actors: alice buys, bob sells, charlie is a stranger."""

import fcntl
import gc
import logging
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from app import create_app, logs
from app.accounts import tokens
from app.accounts.models import Role, User
from app.accounts.tokens import Identity
from app.config import Settings
from app.db import db, transaction
from tests.harness.processes.process import CHEAP_HASH_KIB, SECRET
from tests.harness.servers.clusters import Cluster
from tests.harness.servers.migrating import migrate
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer
from tests.harness.servers.sqlite import SqliteFiles

PASSWORD = "correct horse battery"
# Folders of tests, those with the longest files first.
WAITING = ("adoption", "faults", "browser", "e2e", "conformance")
COMPUTING = ("integration", "unit")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is loaded out of every later pass of the garbage collector, of which a full one
    would take 0.4 s, and load it without one."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give pytest-xdist's workers, which take file after file, in turn a file that mostly waits for
    processes and one that computes: else all wait at one time and all compute at another."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    turns = [
        [file for folder in folders for file in files if file.parent.name == folder]
        for folders in (WAITING, COMPUTING)
    ]
    in_turn = [file for pair in zip_longest(*turns) for file in pair if file is not None]
    rest = [file for file in files if file not in in_turn]
    items[:] = [item for file in [*in_turn, *rest] for item in files[file]]


def once_a_run(folders: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """A folder that `build` fills, the same for all of pytest-xdist's workers: the first that needs
    it fills it, and others wait for that."""
    root = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, done = root / name, root / f"{name}.done"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir(exist_ok=True)
            build(folder)
            done.touch()
    return folder


@contextmanager
def redis_in(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all tests that neither hurt it nor send through its inbox: every worker there
    drains that, whatever its database."""
    with redis_in(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own: to be hurt, or with an inbox."""
    with redis_in(tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[tuple[Postgres, str]]:
    """The cluster, and the name of a database with the migrations in it."""
    # Not under pytest's folder, which another run closes to the user that the cluster runs as.
    with TemporaryDirectory(prefix="ordercast-postgres-") as folder:
        server = Postgres(Path(folder))
        template = server.new_database()
        migrate(server.url(template))
        yield server, template
        server.stop()


@pytest.fixture
def own_postgres() -> Iterator[tuple[Postgres, str]]:
    """A cluster of this test's own, to be hurt, and the URL of a migrated database in it."""
    with TemporaryDirectory(prefix="ordercast-postgres-") as folder:
        server = Postgres(Path(folder))
        url = server.url(server.new_database())
        migrate(url)
        yield server, url
        server.thaw()
        server.stop()


@pytest.fixture
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    """A primary with a migrated database `orders`, and its standby."""
    with TemporaryDirectory(prefix="ordercast-clusters-") as folder:
        Path(folder).chmod(0o755)
        folders = Path(folder, "primary"), Path(folder, "standby")
        for each in folders:
            each.mkdir()
        primary = Cluster(folders[0])
        with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE orders")
        migrate(primary.url("orders"))
        standby = Cluster(folders[1], of=primary)
        standby.follow(primary)
        yield primary, standby
        standby.stop()
        primary.stop()


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> tuple[SqliteFiles, str]:
    """The folder of databases, and the name of one with the migrations in it."""
    server = SqliteFiles(tmp_path_factory.mktemp("sqlite"))
    template = server.new_database()
    migrate(server.url(template))
    return server, template


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh migrated database, on SQLite and on PostgreSQL."""
    yield from fresh_database(request, request.param)


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request, "sqlite")


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from fresh_database(request, "postgres")


def fresh_database(request: pytest.FixtureRequest, kind: str) -> Iterator[str]:
    """The URL of a database of its own, of the kind `sqlite` or `postgres`; dropped afterwards."""
    server, template = request.getfixturevalue(kind)
    name = server.new_database(template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture(autouse=True)
def plain_logging() -> Iterator[None]:
    """The handler that create_app adds writes to this test's standard error: it goes with it."""
    yield
    root = logging.getLogger()
    for handler in [one for one in root.handlers if one.get_name() == logs.HANDLER]:
        root.removeHandler(handler)


@pytest.fixture
def settings(database_url: str, redis_server: RedisServer) -> Settings:
    return Settings.of(
        DATABASE_URL=database_url,
        REDIS_URL=redis_server.url,
        JWT_SECRET_KEY=SECRET,
        PASSWORD_HASH_KIB=CHEAP_HASH_KIB,
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application in this process, with its context."""
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def password_hash() -> str:
    return PasswordHasher(memory_cost=CHEAP_HASH_KIB).hash(PASSWORD)


@pytest.fixture
def make_user(app: Flask, password_hash: str) -> Callable[..., Identity]:
    """A builder: an account and the identity of a token for it."""

    def make(name: str, role: Role = Role.CUSTOMER) -> Identity:
        email = f"{name.lower()}@example.com"
        with transaction() as session:
            user = User(email=email, name=name, role=role, password_hash=password_hash)
            session.add(user)
            session.flush()
            user_id = str(user.id)
        return tokens.verify(tokens.issue("access", user_id, role))

    return make


@pytest.fixture
def alice(make_user: Callable[..., Identity]) -> Identity:
    """She buys."""
    return make_user("Alice")


@pytest.fixture
def bob(make_user: Callable[..., Identity]) -> Identity:
    """He sells."""
    return make_user("Bob", Role.SELLER)


@pytest.fixture
def charlie(make_user: Callable[..., Identity]) -> Identity:
    """A stranger, who also buys."""
    return make_user("Charlie")


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def bearer(app: Flask) -> Callable[[Identity], dict[str, str]]:
    """The headers with which somebody calls the API."""

    def headers(identity: Identity) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {tokens.issue('access', identity.user_id, identity.role)}"
        }

    return headers
