"""`SELECT ordercast_append(...)`: an event of any program in the same PostgreSQL, and its plain
INSERT there and on SQLite. Called by psql and by Node's `pg` in tests/e2e/test_outbox.py."""

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import make_url

from ordercast import migrations
from ordercast.events import MAX_ROOMS, RESERVED
from tests.harness.servers.schema import engine_of, rows
from tests.harness.waiting import DEADLINE_SECONDS

APPEND = "SELECT ordercast_append({})"
LONG = "\u00fc" * 255
WRITTEN = {
    "'user:7', 'order:status', '{\"id\": \"3\"}'": ("user:7", '{"id": "3"}', None, None),
    "'user:7', 'order:status', '{}', 'order:3'": ("user:7", "{}", "order:3", None),
    "'user:' || 7, 'order:status', json_build_object('id', '3')": (
        "user:7",
        '{"id" : "3"}',
        None,
        None,
    ),
    "room => 'user:7', name => 'order:status', data => to_jsonb(7), key => 'order:3'": (
        "user:7",
        "7",
        "order:3",
        None,
    ),
    "ARRAY['user:7', 'seller:8'], 'order:status', '{}'": ("user:7", "{}", None, ["seller:8"]),
    "rooms => '{user:7,seller:8}', name => 'order:status', data => jsonb '[]'": (
        "user:7",
        "[]",
        None,
        ["seller:8"],
    ),
    "ARRAY['user:7'], 'order:status', '{}'": ("user:7", "{}", None, None),
    f"'{LONG}', 'order:status', '{{}}'": (LONG, "{}", None, None),
}
REFUSED = {
    "'', 'test', '{}'": ("22023", "a room has 1 to 255 printable characters: ''"),
    "NULL::text, 'test', '{}'": ("22023", "a room has 1 to 255 printable characters: NULL"),
    f"'{LONG}x', 'test', '{{}}'": ("22023", "a room has 1 to 255 printable characters"),
    "E'user:7\\n', 'test', '{}'": ("22023", "a room has 1 to 255 printable characters"),
    "'control', 'revoked', '{}'": ("22023", "the room 'control' is the service's own"),
    "ARRAY['user:7', NULL], 'test', '{}'": ("22023", "a room has 1 to 255 printable characters"),
    "ARRAY[]::text[], 'test', '{}'": ("22023", "an event goes to 1 to 1000 rooms, not to 0"),
    f"array_fill('x'::text, ARRAY[{MAX_ROOMS + 1}]), 'test', '{{}}'": (
        "22023",
        "an event goes to 1 to 1000 rooms, not to 1001",
    ),
    "'user:7', '', '{}'": ("22023", "an event's name has 1 to 255 printable characters: ''"),
    "'user:7', NULL, '{}'": ("22023", "an event's name has 1 to 255 printable characters: NULL"),
    "'user:7', 'disconnect', '{}'": ("22023", "no client receives an event named disconnect"),
    "'user:7', 'test', '{'": ("22P02", "invalid input syntax for type json"),
    "'user:7', 'test', NULL": ("22004", "data is JSON, not NULL"),
}

Program = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of PostgreSQL with the library's tables alone."""
    server, _ = request.getfixturevalue("postgres")
    name = server.new_database()
    migrations.upgrade(engine_of(server.url(name)))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def program(url: str) -> Iterator[Program]:
    """Another program; what it writes is rolled back at the end."""
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("arguments", WRITTEN)
def test_it_writes_the_event_that_append_would(program: Program, arguments: str) -> None:
    program.execute(APPEND.format(arguments).encode())
    found = program.execute(
        "SELECT room, data, key, further_rooms, name, position, request_id,"
        " created_at > now() - interval '1 minute' FROM ordercast_events"
    ).fetchall()
    assert found == [(*WRITTEN[arguments], "order:status", None, None, True)]


def test_parameters_without_a_type_are_texts(program: Program) -> None:
    arguments = ("user:7", "order:status", "{}", None)
    program.execute("SELECT ordercast_append(%s, %s, %s, %s)", arguments)
    assert program.execute("SELECT room, key FROM ordercast_events").fetchall() == [
        ("user:7", None)
    ]


@pytest.mark.parametrize("arguments", REFUSED)
def test_it_refuses_what_append_refuses_with_a_code(program: Program, arguments: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        program.execute(APPEND.format(arguments).encode())
    code, text = REFUSED[arguments]
    assert (caught.value.sqlstate, text in str(caught.value)) == (code, True)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_it_knows_every_name_that_clients_reserve(program: Program, name: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        program.execute("SELECT ordercast_append('user:7', %s, '{}')", [name])


def test_it_notifies_at_the_commit_and_a_rollback_leaves_nothing(url: str) -> None:
    """Events of a transaction that is rolled back, between two that commit, notify nobody."""
    with (
        psycopg.connect(url, autocommit=True) as worker,
        psycopg.connect(url) as program,
    ):
        worker.execute("LISTEN ordercast_events")
        for commits in (False, True):
            program.execute("SELECT ordercast_append('user:7', 'test', '{}')")
            program.execute("SELECT ordercast_append('user:8', 'test', '{}')")
            program.commit() if commits else program.rollback()
        worker.execute("NOTIFY ordercast_events, 'the end'")
        heard = worker.notifies(timeout=DEADLINE_SECONDS, stop_after=2)
        assert [one.payload for one in heard] == ["", "the end"]
        assert len(rows(url, "ordercast_events")) == 2
        program.execute("DELETE FROM ordercast_events")


@pytest.fixture
def team_role(url: str) -> Iterator[str]:
    """A role of a team's, which can do nothing yet."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE ROLE team LOGIN")
        yield "team"
        admin.execute("DROP OWNED BY team")
        admin.execute("DROP ROLE team")


def as_role(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def test_a_role_needs_no_more_than_execute(url: str, team_role: str) -> None:
    with psycopg.connect(as_role(url, team_role)) as team:
        for statement in (
            "SELECT ordercast_append('user:7', 'test', '{}')",
            "SELECT ordercast_write('{user:7}', 'test', '{}', NULL)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                team.execute(statement)
            team.rollback()
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(
                "GRANT EXECUTE ON FUNCTION ordercast_append(text, text, text, text) TO team"
            )
        team.execute("SELECT ordercast_append('user:7', 'test', '{}')")
        team.rollback()
        # What the role brings into its search path is not what the function calls.
        team.execute("CREATE TEMPORARY TABLE ordercast_events (room text)")
        team.execute("SELECT ordercast_append('user:7', 'test', '{}')")
        assert team.execute("SELECT count(*) FROM ordercast_events").fetchone() == (0,)
        team.rollback()


def test_a_role_needs_no_more_than_insert_for_a_plain_one(url: str, team_role: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("GRANT INSERT (room, name, data, key) ON ordercast_events TO team")
        admin.execute("GRANT USAGE ON SEQUENCE ordercast_events_id_seq TO team")
    with psycopg.connect(as_role(url, team_role)) as team:
        team.execute(
            "INSERT INTO ordercast_events (room, name, data) VALUES ('user:7', 'test', '{}')"
        )
        team.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            team.execute(
                "INSERT INTO ordercast_events (room, name, data, position)"
                " VALUES ('user:7', 'test', '{}', 1)"
            )


PLAIN = "INSERT INTO ordercast_events (room, name, data) VALUES (:room, :name, :data)"
IMPOSSIBLE = [
    ("", "test", "{}"),
    ("user:7", "", "{}"),
    ("x" * 256, "test", "{}"),
    ("user:7", "x" * 256, "{}"),
    (None, "test", "{}"),
    ("user:7", None, "{}"),
    ("user:7", "test", None),
    ("user:7", "disconnect", "{}"),
    ("user:7", "test", "{"),
    ("user:7", "test", ""),
]


@pytest.mark.parametrize("row", IMPOSSIBLE)
def test_the_database_refuses_a_row_that_cannot_be_an_event(
    database_url: str, row: tuple[str | None, ...]
) -> None:
    values = dict(zip(("room", "name", "data"), row, strict=True))
    with pytest.raises(sa.exc.DBAPIError), engine_of(database_url).begin() as connection:
        connection.execute(sa.text(PLAIN), values)
    good = {"room": "user:7", "name": "test", "data": "{}"}
    with engine_of(database_url).begin() as connection:
        connection.execute(sa.text(PLAIN), good)
    for column in values:  # nor is a row made impossible that waits for its position
        if values[column] in (good[column], None):
            continue
        update = sa.text(f"UPDATE ordercast_events SET {column} = :value")
        with pytest.raises(sa.exc.DBAPIError), engine_of(database_url).begin() as connection:
            connection.execute(update, {"value": values[column]})
    [kept] = rows(database_url, "ordercast_events")
    assert (kept.room, kept.name, kept.data) == ("user:7", "test", "{}")
    assert (kept.position, kept.key, kept.request_id) == (None, None, None)


@pytest.mark.parametrize("row", [(b"user:7", "test"), ("user:7", "te\0st"), ("us\0er:7", "test")])
def test_sqlite_refuses_what_is_no_text(sqlite_url: str, row: tuple[object, object]) -> None:
    values = {"room": row[0], "name": row[1], "data": "{}"}
    with pytest.raises(sa.exc.DBAPIError), engine_of(sqlite_url).begin() as connection:
        connection.execute(sa.text(PLAIN), values)
