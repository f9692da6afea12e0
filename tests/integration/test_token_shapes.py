"""Tokens as seven issuers make them, with the settings that docs/tokens.md lists for each."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask_jwt_extended import get_jwt, get_jwt_identity, jwt_required

from app import create_app
from app.accounts import tokens
from app.config import load
from app.db import db
from app.roles import Role
from ordercast.errors import TokenInvalid
from ordercast.settings import Settings as LibrarySettings
from ordercast.tokens import Tokens
from tests.harness.application.market import error, good
from tests.harness.people.visitor import Visitor
from tests.harness.processes.process import ROOT, SECRET
from tests.harness.servers.issuer import Issuer, foreign, issuer
from tests.harness.servers.redis import RedisServer

KID = "2026-11"
ROW = re.compile(r"^\| ([^|`]+) \| ((?:`[^`]+` ?)+)\|$", re.MULTILINE)
MARKETPLACE_ONLY = {"JWT_ROLE_CLAIM", "JWT_ROLES", "LOCAL_ACCOUNTS"}


def documented() -> dict[str, dict[str, str]]:
    """{issuer: {setting: value}}, as the table has them."""
    text = (ROOT / "docs/tokens.md").read_text()
    table = text.partition("<!-- issuers -->")[2].partition("<!-- /issuers -->")[0]
    rows = {}
    for name, cell in ROW.findall(table):
        pairs = [pair.replace("\\|", "|").partition("=") for pair in re.findall("`([^`]+)`", cell)]
        rows[name] = {setting: value for setting, _, value in pairs}
    return rows


@dataclass(frozen=True)
class Shape:
    """What an issuer puts into an access token of a seller, and into its other tokens."""

    user: str
    access: dict[str, Any]
    nobody: dict[str, Any]  # changes that make it a customer's
    others: list[dict[str, Any]]  # changes that make it another kind, or another service's
    shared_secret: bool = False
    certificates: bool = False
    header: dict[str, Any] = field(default_factory=dict)


POOL = "https://cognito-idp.REGION.amazonaws.com/POOL"
SHAPES = {
    "Auth0": Shape(
        "auth0|507f1f77bcf86cd799439020",
        {
            "iss": "https://TENANT.auth0.com/",
            "sub": "auth0|507f1f77bcf86cd799439020",
            "aud": ["https://shop.example/api", "https://TENANT.auth0.com/userinfo"],
            "azp": "my_client_id",
            "scope": "openid profile email",
            "permissions": ["read:orders"],
            "https://shop.example/roles": ["seller"],
        },
        {"https://shop.example/roles": []},
        [
            {"aud": "my_client_id"},  # its ID token
            {"aud": "https://other.example/api"},
            {"iss": "https://TENANT.auth0.com"},
            {"iss": "https://OTHER.auth0.com/"},
        ],
    ),
    "Keycloak": Shape(
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        {
            "iss": "https://id.example/realms/REALM",
            "sub": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "aud": "account",
            "typ": "Bearer",
            "azp": "shop-web",
            "sid": "8d2e9a3c",
            "jti": "onrtac:9a1f",
            "realm_access": {"roles": ["offline_access", "realm-seller"]},
            "resource_access": {"account": {"roles": ["manage-account"]}},
            "scope": "openid email",
        },
        {"realm_access": {"roles": ["offline_access"]}},
        [
            {"typ": "ID", "aud": "shop-web"},
            {"typ": "ID"},
            {"typ": "Refresh"},
            {"typ": "Offline"},
            {"iss": "https://id.example/realms/OTHER"},
        ],
        header={"typ": "JWT"},
    ),
    "Cognito": Shape(
        "aaaaaaaa-bbbb-cccc-dddd-example",
        {
            "iss": POOL,
            "sub": "aaaaaaaa-bbbb-cccc-dddd-example",
            "token_use": "access",
            "client_id": "CLIENT",
            "username": "bob",
            "scope": "aws.cognito.signin.user.admin",
            "cognito:groups": ["seller"],
            "auth_time": 1_500_009_400,
            "jti": "aaaaaaaa-bbbb",
        },
        {"cognito:groups": None},
        [
            {"token_use": "id", "aud": "CLIENT", "client_id": None},
            {"client_id": "OTHER"},
            {"client_id": None},
            {"iss": f"{POOL}2"},
        ],
    ),
    "Firebase": Shape(
        "kQxYzabc1234567890",
        {
            "iss": "https://securetoken.google.com/PROJECT",
            "aud": "PROJECT",
            "sub": "kQxYzabc1234567890",
            "user_id": "kQxYzabc1234567890",
            "auth_time": 1_700_000_000,
            "email": "bob@example.com",
            "email_verified": True,
            "firebase": {"identities": {"email": ["bob@example.com"]}},
            "role": "seller",
        },
        {"role": None},
        [
            {"aud": "other", "iss": "https://securetoken.google.com/other"},
            {"aud": "other"},
            {"iss": "https://securetoken.google.com/other"},
        ],
        certificates=True,
    ),
    "Entra ID": Shape(
        "690222be-ff1a-4d56-abd1-7e4f7d38e474",
        {
            "iss": "https://login.microsoftonline.com/TENANT/v2.0",
            "aud": "API",
            "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
            "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
            "tid": "TENANT",
            "azp": "web-client",
            "azpacr": "0",
            "roles": ["Orders.Sell"],
            "scp": "access_as_user",
            "uti": "fqiBqXLPj0eQa82S-IYFAA",
            "rh": "0.AAAA",
            "ver": "2.0",
        },
        {"roles": None},
        [
            {"aud": "web-client"},  # its ID token
            {"iss": "https://login.microsoftonline.com/OTHER/v2.0"},
            {"oid": None},
        ],
        header={"typ": "JWT"},
    ),
    "Django simplejwt": Shape(
        "7",
        {"token_type": "access", "user_id": 7, "jti": uuid4().hex, "role": "seller"},
        {"role": None},
        [{"token_type": "refresh"}, {"user_id": None}, {"user_id": True}, {"aud": "other"}],
        shared_secret=True,
    ),
    "Flask-JWT-Extended": Shape(
        "7",
        {
            "fresh": False,
            "type": "access",
            "sub": "7",
            "jti": str(uuid4()),
            "csrf": str(uuid4()),
            "role": "seller",
        },
        {"role": None},
        [{"type": "refresh"}, {"sub": None}],
        shared_secret=True,
    ),
}


@pytest.fixture(scope="module")
def there() -> Iterator[Issuer]:
    """One server and one key for the issuers that publish theirs."""
    with issuer({KID: rsa.generate_private_key(65537, 2048)}) as made:
        yield made


@pytest.fixture(params=SHAPES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shape(name: str, there: Issuer) -> Shape:
    there.as_certificates = SHAPES[name].certificates
    return SHAPES[name]


@pytest.fixture
def variables(name: str, shape: Shape, there: Issuer) -> dict[str, str]:
    """The settings of the table; its URLs of keys and its secret are stand-ins."""
    listed = {"JWT_SECRET_KEY": SECRET, **documented()[name]}
    if "JWT_JWKS_URL" in listed:
        listed["JWT_JWKS_URL"] = there.url
    return {**listed, "JWT_SECRET_KEY": SECRET}


@pytest.fixture
def signed(shape: Shape, there: Issuer) -> Callable[..., str]:
    """A builder: an access token of the issuer's, with changes."""

    def sign(**changes: Any) -> str:
        claims = foreign(**{"iss": None, "sub": None, **shape.access, **changes})
        if shape.shared_secret:
            return jwt.encode(claims, SECRET, "HS256")
        headers = {**shape.header, "kid": KID}
        return jwt.encode(claims, there.keys[KID], "RS256", headers=headers)

    return sign


@contextmanager
def service(variables: dict[str, str], database_url: str, redis_url: str) -> Iterator[Visitor]:
    """The marketplace with these variables in its environment."""
    given = {**variables, "DATABASE_URL": database_url, "REDIS_URL": redis_url}
    app = create_app(load(given))

    @app.get("/api/team")
    @jwt_required()
    def team() -> dict[str, str]:
        """A view of a team's own, in the way of Flask-JWT-Extended."""
        return {"user": get_jwt_identity(), "role": get_jwt()["role"]}

    yield Visitor(app)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def test_the_table_lists_these_issuers_and_no_others() -> None:
    assert documented().keys() == SHAPES.keys()


def test_the_marketplace_takes_its_access_tokens_over_http_and_for_a_connect(
    shape: Shape,
    variables: dict[str, str],
    signed: Callable[..., str],
    sqlite_url: str,
    redis_server: RedisServer,
) -> None:
    seller, customer = signed(), signed(**shape.nobody)
    with service(variables, sqlite_url, redis_server.url) as visitor:
        for token, role in ((seller, Role.SELLER), (customer, Role.CUSTOMER)):
            good(visitor.call("GET", "/api/orders", token))
            said = good(visitor.call("GET", "/api/team", token))
            assert said == {"user": shape.user, "role": role}
            with visitor.app.app_context():
                identity = tokens.identify({"token": token}, {})
            assert (identity.user_id, identity.role) == (shape.user, role)
            assert (f"seller:{shape.user}" in identity.rooms) is (role is Role.SELLER)
        for changes in shape.others:
            for path in ("/api/orders", "/api/team"):
                answer = visitor.call("GET", path, signed(**changes))
                assert error(answer) == (401, "token_invalid"), changes
        for call in (visitor.register(), visitor.log_in(), visitor.refresh(seller)):
            assert error(call) == (403, "local_accounts_off")


def test_the_library_takes_them_in_any_app(
    shape: Shape, variables: dict[str, str], signed: Callable[..., str]
) -> None:
    config = {
        f"ORDERCAST_{name}": value
        for name, value in variables.items()
        if name not in MARKETPLACE_ONLY
    }
    verifying = Tokens(LibrarySettings.of(config))
    identity = verifying.read(signed())
    assert (identity.user_id, list(identity.rooms)) == (shape.user, [f"user:{shape.user}"])
    assert shape.access.items() <= identity.claims.items()
    for changes in shape.others:
        with pytest.raises(TokenInvalid):
            verifying.read(signed(**changes))
