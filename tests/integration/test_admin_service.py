"""/api/admin: processes, connections, the journal and the inbox, as an administrator sees them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.accounts.tokens import Identity
from app.config import Settings
from app.db import db, transaction
from app.events import Notification
from app.extension import cast
from ordercast.journal.searching import MAX_COMPARED
from tests.conftest import redis_in
from tests.harness.application.documents import check_answer
from tests.harness.application.mailbox import Mailbox
from tests.harness.application.market import Caller, Market, error, good
from tests.harness.application.tabs import Start, Tab, somebody
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import SECRET
from tests.harness.servers.redis import RedisServer

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Of this file's own: no process of other tests is in its ledger."""
    with redis_in(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def settings(database_url: str, redis_server: RedisServer) -> Iterator[Settings]:
    yield Settings.of(DATABASE_URL=database_url, REDIS_URL=redis_server.url, JWT_SECRET_KEY=SECRET)
    with Mailbox(redis_server.url).redis as client:
        client.flushdb()


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


@pytest.fixture
def mailbox(app: Flask, settings: Settings) -> Iterator[Mailbox]:
    mailbox = Mailbox(settings.REDIS_URL)
    yield mailbox
    mailbox.redis.close()


@pytest.fixture
def checked(app: Flask) -> Callable[..., Any]:
    """The JSON of an answer, which has to be what the OpenAPI document says."""
    document = good(Visitor(app).call("GET", "/api/openapi.json"))

    def checked(method: str, path: str, answer: Any) -> Any:
        check_answer(document, method, path, answer)
        return answer.get_json()

    return checked


def listed(market: Market, **query: Any) -> list[str]:
    found = good(market.admin.get("/api/admin/events", **query))["events"]
    return [one["offset"] for one in found]


def notify(market: Market, *user_ids: str) -> None:
    for user_id in user_ids:
        body = {"userId": user_id, "title": "Hello", "message": "World", "type": "info"}
        good(market.admin.post("/api/notifications", body), 201)
    market.sequence()


def test_the_journal_is_searched_by_room_name_and_offset(market: Market) -> None:
    product = market.product()
    notify(market, market.alice.id, market.bob.id)  # 1, 2
    market.order(product)  # 3, 4: to the customer and to the seller
    market.sequence()

    assert listed(market) == ["4", "3", "2", "1"]
    assert listed(market, room=f"user:{market.bob.id}") == ["2"]
    assert listed(market, name="order:*") == ["4", "3"]
    assert listed(market, name="order:placed", room=f"user:{market.alice.id}") in (["3"], ["4"])
    assert listed(market, after=1, before=4) == ["3", "2"]
    assert listed(market, name="nothing") == listed(market, room="user:0") == []


def test_the_journal_is_paged_and_the_services_own_events_are_asked_for(market: Market) -> None:
    notify(market, *["7"] * 3)
    market.admin.post(f"/api/admin/users/{market.alice.id}/disconnect")  # 4
    notify(market, *["7"] * 2)

    first = good(market.admin.get("/api/admin/events", limit=2))
    rest = good(market.admin.get("/api/admin/events", limit=9, cursor=first["nextCursor"]))

    shown = [one["offset"] for one in [*first["events"], *rest["events"]]]
    assert shown == ["6", "5", "3", "2", "1"]
    assert rest["nextCursor"] is None
    assert listed(market, room="control") == ["4"]


def test_for_a_name_a_page_compares_so_many_events_and_says_where_the_next_begins(
    market: Market,
) -> None:
    market.order(market.product())
    with market.app.app_context(), transaction() as session:
        text = Notification(title="Hello", message="World", type="info")
        cast.append_all(session, [(text, "7")] * MAX_COMPARED)
    market.sequence()

    empty = good(market.admin.get("/api/admin/events", name="order:new"))
    query = {"name": "order:new", "cursor": empty["nextCursor"]}
    page = good(market.admin.get("/api/admin/events", **query))

    assert (empty["events"], empty["nextCursor"]) == ([], "3")
    assert [one["name"] for one in page["events"]] == ["order:new"]
    assert page["nextCursor"] is None


def test_what_happened_to_an_event_is_told_with_its_payload_and_who_got_it(
    market: Market, start: Start, checked: Callable[..., Any]
) -> None:
    web = start()
    Tab(somebody(market.alice.id)).connect(web)
    web.live.bookkeeper.write()
    notify(market, market.alice.id)
    web.catch_up()
    web.live.bookkeeper.write()

    answer = market.admin.get("/api/admin/events/1")
    told = checked("get", "/api/admin/events/{offset}", answer)

    assert (told["name"], told["rooms"]) == ("notification", [f"user:{market.alice.id}"])
    assert told["data"] == {"title": "Hello", "message": "World", "type": "info"}
    assert told["states"] == {"sent": 1}
    [receipt] = told["receipts"]
    assert (receipt["userId"], receipt["state"]) == (market.alice.id, "sent")
    assert [one["progress"] for one in told["processes"]] == ["sent"]
    for offset in ("2", "0", "x", "9" * 30):
        refused = market.admin.get(f"/api/admin/events/{offset}")
        assert error(refused) == (404, "not_found")


def test_connections_of_all_processes_are_found_by_user_and_address(
    market: Market, start: Start, checked: Callable[..., Any]
) -> None:
    web, other = start(), start()
    for _ in range(2):
        Tab(somebody(market.alice.id)).connect(web)
    Tab(somebody("foreign-7")).connect(other)
    for process in (web, other):
        process.live.bookkeeper.write()

    answer = market.admin.get("/api/admin/connections", limit=2)
    page = checked("get", "/api/admin/connections", answer)
    rest = good(market.admin.get("/api/admin/connections", cursor=page["nextCursor"]))

    every = [*page["connections"], *rest["connections"]]
    assert (page["total"], len(every)) == (3, 3)
    emails = {one["userId"]: one["email"] for one in every}
    assert emails == {market.alice.id: "alice@example.com", "foreign-7": None}
    for query, total in (
        ({"user": "alice@example.com"}, 2),
        ({"user": market.alice.id}, 2),
        ({"user": "foreign-7"}, 1),
        ({"user": "nobody@example.com"}, 0),
        ({"address": every[0]["address"]}, 3),
        ({"address": "203.0.113.9"}, 0),
    ):
        found = good(market.admin.get("/api/admin/connections", **query))
        assert (found["total"], len(found["connections"])) == (total, total), query


def test_the_service_is_told_with_its_processes_and_what_waits(
    market: Market, start: Start, mailbox: Mailbox, checked: Callable[..., Any]
) -> None:
    web = start()
    Tab(somebody(market.alice.id)).connect(web)
    notify(market, market.alice.id)
    web.live.bookkeeper.write()  # before it has heard of the event
    mailbox.add("waits")
    market.order(market.product())

    told = checked("get", "/api/admin/service", market.admin.get("/api/admin/service"))

    [process] = told["processes"]
    assert (process["position"], process["connections"]) == ("0", 1)
    assert (told["head"], told["eventsWaiting"], told["entriesWaiting"]) == ("1", 2, 1)
    assert (told["entriesRefused"], told["workers"]) == (0, [])
    assert told["checks"]["redis"] == "ok"


def test_without_redis_the_rest_is_told_all_the_same(
    app: Flask, settings: Settings, make_user: Callable[..., Identity]
) -> None:
    alone = create_app(settings.model_copy(update={"REDIS_URL": NOBODY}))
    with alone.app_context():
        market = Market(app, make_user)
        admin = Caller(alone, market.admin.id, market.admin.token)
        told = good(admin.get("/api/admin/service"))
        assert (told["processes"], told["workers"], told["entriesRefused"]) == (None, None, None)
        assert (told["head"], told["checks"]["redis"]) == ("0", "unavailable")
        for path, code in (("connections", "ledger_unavailable"), ("inbox", "inbox_unavailable")):
            refused = admin.get(f"/api/admin/{path}")
            assert error(refused) == (503, code)
            assert refused.headers["Retry-After"] == "2"
        refused = admin.post("/api/admin/inbox/1-0/retry")
        assert error(refused) == (503, "inbox_unavailable")
        db.engine.dispose()


def test_a_refused_entry_is_seen_with_its_reason_and_tried_again(
    market: Market, mailbox: Mailbox, checked: Callable[..., Any]
) -> None:
    mailbox.add("one", event="order:gone", id="mine-1")
    mailbox.add("two", data=b'{"title": 1}')
    mailbox.drain()

    page = checked("get", "/api/admin/inbox", market.admin.get("/api/admin/inbox", limit=1))
    [last] = page["entries"]
    assert (page["total"], last["event"], last["to"]) == (2, "notification", "7")
    assert "Field required" in last["reason"]
    assert last["rawData"] == '{"title": 1}'
    rest = good(market.admin.get("/api/admin/inbox", cursor=page["nextCursor"]))
    [first] = rest["entries"]
    assert (first["event"], rest["nextCursor"]) == ("order:gone", None)

    retried = market.admin.post(f"/api/admin/inbox/{first['id']}/retry")
    checked("post", "/api/admin/inbox/{entry_id}/retry", retried)
    waiting: Any = mailbox.redis.xrange(mailbox.broker.inbox)
    [(_, fields)] = waiting
    assert (fields[b"event"], fields[b"id"], len(fields)) == (b"order:gone", b"mine-1", 4)
    mailbox.drain()  # as nobody has repaired it, it is refused once more
    assert good(market.admin.get("/api/admin/inbox"))["total"] == 2

    assert error(market.admin.post(f"/api/admin/inbox/{first['id']}/retry"))[0] == 404
    deleted = market.admin.call("DELETE", f"/api/admin/inbox/{last['id']}")
    checked("delete", "/api/admin/inbox/{entry_id}", deleted)
    assert good(market.admin.get("/api/admin/inbox"))["total"] == 1
    entries = good(market.admin.get("/api/admin/audit"))["entries"]
    assert [(one["action"], one["target"]) for one in entries] == [
        ("delete_entry", last["id"]),
        ("retry_entry", first["id"]),
    ]
    assert "order:gone" in entries[1]["detail"]


@pytest.mark.parametrize("name", ["x", "1", "1-", "-1", "9999999999999-0", "1-0", "*"])
def test_an_entry_that_does_not_exist_gets_404_and_no_line_in_the_audit(
    market: Market, name: str
) -> None:
    assert error(market.admin.post(f"/api/admin/inbox/{name}/retry"))[0] == 404
    assert error(market.admin.call("DELETE", f"/api/admin/inbox/{name}"))[0] == 404
    assert good(market.admin.get("/api/admin/audit"))["entries"] == []


@pytest.mark.parametrize("path", ["connections", "events", "inbox", "users", "audit"])
def test_a_cursor_that_no_list_gave_is_refused(market: Market, path: str) -> None:
    refused = market.admin.get(f"/api/admin/{path}", cursor="*")
    assert error(refused) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("connections", {"user": "a\0b"}),
        ("connections", {"limit": 101}),
        ("events", {"before": -1}),
        ("events", {"after": "x"}),
        ("events", {"room": "x" * 256}),
    ],
)
def test_a_search_that_is_none_gets_422(market: Market, path: str, query: dict[str, Any]) -> None:
    refused = market.admin.get(f"/api/admin/{path}", **query)
    assert error(refused) == (422, "validation_error")
