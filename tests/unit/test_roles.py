"""Roles: how the claim of an issuer names them."""

from typing import Any

import pytest

from app.config import load
from app.roles import Role, RoleClaim
from tests.harness.application.settings import GOOD, complaint

MAPPED = {"JWT_ROLES": "seller=SELLER|realm-seller, admin=ops"}


def claim(**variables: str) -> RoleClaim:
    return load({**GOOD, **variables}).role_claim


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("seller", Role.SELLER),
        (["customer", "seller"], Role.SELLER),
        (["seller", "admin", "customer"], Role.ADMIN),
        (["owner", "customer"], Role.CUSTOMER),
        ("owner", Role.CUSTOMER),
        ("SELLER", Role.CUSTOMER),
        ("admin seller", Role.CUSTOMER),
        ([], Role.CUSTOMER),
        (None, Role.CUSTOMER),
        (7, Role.CUSTOMER),
        ({"admin": True}, Role.CUSTOMER),
        ([["admin"], 7, None], Role.CUSTOMER),
    ],
)
def test_the_highest_role_that_a_name_fits_counts_and_else_customer(said: Any, role: Role) -> None:
    assert claim().role({"role": said}) is role


def test_a_token_without_the_claim_is_a_customers() -> None:
    assert claim().role({}) is Role.CUSTOMER


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("SELLER", Role.SELLER),
        (["x", "realm-seller"], Role.SELLER),
        ("ops", Role.ADMIN),
        ("admin", Role.CUSTOMER),
        ("seller", Role.CUSTOMER),
    ],
)
def test_with_names_of_an_issuer_no_other_name_counts(said: Any, role: Role) -> None:
    """Else whoever is `admin` of something else there would be one here."""
    assert claim(**MAPPED).role({"role": said}) is role


PLACES: list[tuple[str, dict[str, Any]]] = [
    ("realm_access.roles", {"realm_access": {"roles": ["seller"]}}),
    ("resource_access.my.shop.roles", {"resource_access": {"my.shop": {"roles": ["seller"]}}}),
    ("https://shop.example/roles", {"https://shop.example/roles": ["seller"]}),
    ("https://shop.example/app.roles", {"https://shop.example/app": {"roles": "seller"}}),
    ("cognito:groups", {"cognito:groups": ["seller"]}),
    ("a.b", {"a.b": "seller", "a": {"b": "admin"}}),
]


@pytest.mark.parametrize(("path", "claims"), PLACES)
def test_the_claim_is_found_at_its_path(path: str, claims: dict[str, Any]) -> None:
    assert claim(JWT_ROLE_CLAIM=path).role(claims) is Role.SELLER


@pytest.mark.parametrize("path", ["a.b.c", "a", "a.b", ".", "a.", ".a", "x.y"])
def test_where_there_is_no_claim_nothing_fits(path: str) -> None:
    for claims in ({"a": "x"}, {"a": {"b": {"c": 1}}}, {"a": [1]}, {"": {"a": 1}}):
        assert claim(JWT_ROLE_CLAIM=path).role(claims) is Role.CUSTOMER


@pytest.mark.parametrize(
    "text",
    ["seller", "owner=x", "seller=", "=x", "seller=|", "seller=x admin=y,owner=z", "seller=x,y"],
)
def test_names_that_cannot_be_read_stop_the_start(text: str) -> None:
    line = complaint(JWT_ROLES=text)
    assert line.startswith("JWT_ROLES is wrong: expected seller=NAME|NAME,admin=NAME, not ")


def test_a_name_of_two_roles_stops_the_start() -> None:
    assert complaint(JWT_ROLES="seller=x,admin=y|x") == "JWT_ROLES is wrong: 'x' is of two roles"


def test_the_name_of_a_role_is_read_back_as_that_role() -> None:
    for variables in ({}, MAPPED):
        found = claim(**variables)
        for role in Role:
            assert found.role({"role": found.name(role)}) is role
