"""/api/admin/users and /api/admin/audit: what an administrator does to an account, and what is kept
of that."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts import tokens
from app.accounts.models import Role
from app.accounts.tokens import Identity
from app.extension import cast
from ordercast.revocation.memory import Revocations
from tests.harness.application.documents import check_answer
from tests.harness.application.market import Market, error, good
from tests.harness.people.visitor import PASSWORD, Visitor

OUT = (401, "token_revoked")


@pytest.fixture
def market(app: Flask, make_user: Callable[..., Identity]) -> Market:
    return Market(app, make_user)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


def user(visitor: Visitor, **changes: Any) -> Any:
    return good(visitor.register(email="erin@shop.example", name="Erin", **changes), 201)


def users(market: Market, **query: Any) -> list[str]:
    return [one["email"] for one in good(market.admin.get("/api/admin/users", **query))["users"]]


def audit(market: Market) -> list[tuple[Any, ...]]:
    entries = good(market.admin.get("/api/admin/audit"))["entries"]
    return [tuple(one[key] for key in ("userId", "action", "target", "detail")) for one in entries]


def test_users_are_found_by_address_name_and_id_and_paged(market: Market, visitor: Visitor) -> None:
    erin = user(visitor)
    assert users(market, q="ERIN@shop") == users(market, q=" erin ") == [erin["email"]]
    assert users(market, q=erin["id"]) == [erin["email"]]
    assert users(market, q="%") == users(market, q="_") == []
    everybody = users(market)
    assert len(everybody) == 6
    first = good(market.admin.get("/api/admin/users", limit=4))
    rest = good(market.admin.get("/api/admin/users", limit=4, cursor=first["nextCursor"]))
    assert [one["email"] for one in [*first["users"], *rest["users"]]] == everybody
    assert rest["nextCursor"] is None
    assert "password" not in str(first).lower()


def test_a_disabled_user_is_out_everywhere_until_an_administrator_enables_the_account(
    market: Market, visitor: Visitor
) -> None:
    erin = user(visitor)
    pair = good(visitor.log_in(erin["email"]))
    path = f"/api/admin/users/{erin['id']}"

    assert good(market.admin.post(f"{path}/disable")) == {"sessionsEnded": 1}

    assert error(visitor.me(pair["accessToken"])) == OUT
    assert error(visitor.refresh(pair["refreshToken"])) == OUT
    assert error(visitor.log_in(erin["email"])) == (403, "account_disabled")
    with market.app.app_context():  # so the connections are closed in every process
        assert Revocations(cast.revocations).hits(tokens.read(pair["accessToken"]))
    [shown] = good(market.admin.get("/api/admin/users", q="erin"))["users"]
    assert shown["disabledAt"] is not None

    assert market.admin.post(f"{path}/enable").status_code == 204
    good(visitor.log_in(erin["email"]))
    assert audit(market) == [
        (market.admin.id, "enable_user", erin["id"], None),
        (market.admin.id, "disable_user", erin["id"], None),
    ]


def test_another_role_counts_at_the_next_refresh(market: Market, visitor: Visitor) -> None:
    erin = user(visitor)
    pair = good(visitor.log_in(erin["email"]))
    path = f"/api/admin/users/{erin['id']}/role"

    assert market.admin.call("PUT", path, json={"role": "seller"}).status_code == 204

    assert error(visitor.me(pair["accessToken"])) == (401, "token_expired")
    pair = good(visitor.refresh(pair["refreshToken"]))
    assert good(visitor.me(pair["accessToken"]))["role"] == "seller"
    assert audit(market) == [(market.admin.id, "change_role", erin["id"], "seller")]
    refused = market.admin.call("PUT", path, json={"role": "owner"})
    assert error(refused) == (422, "validation_error")


def test_a_new_password_ends_the_sessions_and_is_shown_once_if_it_was_made_here(
    market: Market, visitor: Visitor
) -> None:
    erin = user(visitor)
    pair = good(visitor.log_in(erin["email"]))
    path = f"/api/admin/users/{erin['id']}/password"

    made = good(market.admin.call("PUT", path, json={}))

    assert made["sessionsEnded"] == 1
    assert error(visitor.refresh(pair["refreshToken"])) == OUT
    assert error(visitor.log_in(erin["email"], PASSWORD)) == (401, "invalid_credentials")
    good(visitor.log_in(erin["email"], made["password"]))
    given = good(market.admin.call("PUT", path, json={"password": "another long one"}))
    assert given == {"password": None, "sessionsEnded": 1}
    good(visitor.log_in(erin["email"], "another long one"))
    for bad in ("short", erin["email"], "x" * 1025):
        refused = market.admin.call("PUT", path, json={"password": bad})
        assert error(refused) == (422, "validation_error")
        assert bad not in refused.text
    assert {entry[1:] for entry in audit(market)} == {("change_password", erin["id"], None)}


def test_revoking_ends_the_logins_and_disconnecting_leaves_them(
    market: Market, visitor: Visitor
) -> None:
    erin = user(visitor)
    path = f"/api/admin/users/{erin['id']}"
    pair = good(visitor.log_in(erin["email"]))

    assert market.admin.post(f"{path}/disconnect").status_code == 204
    good(visitor.me(pair["accessToken"]))
    assert ("control", "disconnect") in {(one.room, one.name) for one in market.written()}

    assert good(market.admin.post(f"{path}/revoke")) == {"sessionsEnded": 1}
    assert error(visitor.me(pair["accessToken"])) == OUT
    assert [entry[1] for entry in audit(market)] == ["revoke_user", "disconnect_user"]


def test_administrators_cannot_lock_themselves_out(market: Market) -> None:
    own = f"/api/admin/users/{market.admin.id}"
    assert error(market.admin.post(f"{own}/disable")) == (409, "own_account")
    refused = market.admin.call("PUT", f"{own}/role", json={"role": "customer"})
    assert error(refused) == (409, "own_account")
    by_address = "/api/admin/users/admin@example.com/disable"
    assert error(market.admin.post(by_address)) == (409, "own_account")
    assert audit(market) == []


@pytest.mark.parametrize("user_id", ["0", "99", "nobody@example.com", "nobody", "a/b"])
@pytest.mark.parametrize("action", ["disable", "enable"])
def test_an_account_that_does_not_exist_gets_404_and_leaves_no_trace(
    market: Market, user_id: str, action: str
) -> None:
    refused = market.admin.post(f"/api/admin/users/{user_id}/{action}")
    assert error(refused) == (404, "not_found")
    assert audit(market) == []


def test_a_user_without_an_account_can_be_disconnected_and_revoked(market: Market) -> None:
    foreign = market.bearer("an-identity-service/7", Role.CUSTOMER)
    path = f"/api/admin/users/{foreign.id}"
    assert market.admin.post(f"{path}/disconnect").status_code == 204
    assert good(market.admin.post(f"{path}/revoke")) == {"sessionsEnded": 0}
    assert error(foreign.get("/api/products")) == OUT
    assert [entry[2] for entry in audit(market)] == [foreign.id] * 2


def test_what_a_command_does_is_kept_without_a_user(market: Market, visitor: Visitor) -> None:
    erin = user(visitor)
    done = market.app.test_cli_runner().invoke(args=["users", "disable", erin["email"]])
    assert done.exit_code == 0, done.output
    assert audit(market) == [(None, "disable_user", erin["id"], None)]


def test_an_entry_has_the_id_of_its_request(market: Market, visitor: Visitor) -> None:
    erin = user(visitor)
    path = f"/api/admin/users/{erin['id']}/disable"
    good(market.admin.call("POST", path, headers={"X-Request-ID": "night-7"}))
    [entry] = good(market.admin.get("/api/admin/audit"))["entries"]
    assert entry["requestId"] == "night-7"


def test_answers_are_what_the_openapi_document_says(market: Market, visitor: Visitor) -> None:
    erin = user(visitor)
    document = good(visitor.call("GET", "/api/openapi.json"))
    path = f"/api/admin/users/{erin['id']}"
    for method, name, answer in (
        ("post", "/disable", market.admin.post(f"{path}/disable")),
        ("post", "/enable", market.admin.post(f"{path}/enable")),
        ("put", "/role", market.admin.call("PUT", f"{path}/role", json={"role": "seller"})),
        ("put", "/password", market.admin.call("PUT", f"{path}/password", json={})),
        ("post", "/revoke", market.admin.post(f"{path}/revoke")),
        ("post", "/disconnect", market.admin.post(f"{path}/disconnect")),
    ):
        check_answer(document, method, f"/api/admin/users/{{user_id}}{name}", answer)
    check_answer(document, "get", "/api/admin/users", market.admin.get("/api/admin/users"))
    check_answer(document, "get", "/api/admin/audit", market.admin.get("/api/admin/audit"))
