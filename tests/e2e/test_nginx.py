"""nginx in front, as the documentation of Socket.IO shows it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.clients import loopback
from tests.harness.clients.stock import StockClient
from tests.harness.people.person import Person, register
from tests.harness.processes.service import Service
from tests.harness.servers.nginx import Nginx

NODE = Callable[..., StockClient]

# https://socket.io/docs/v4/reverse-proxy/, the ports and the upstream's server apart.
SHOWN = """
  server {{
    listen 127.0.0.1:{port};
    server_name localhost;

    location / {{
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Host $host;

      proxy_pass http://127.0.0.1:{service};

      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }}
  }}
"""


@pytest.fixture
def nginx(service: Service, tmp_path: Path) -> Iterator[Nginx]:
    nginx = Nginx(tmp_path, SHOWN, service=service.port)
    yield nginx
    nginx.stop()


@pytest.mark.parametrize(
    "transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids="-".join
)
def test_a_stock_client_connects_and_hears_through_nginx(
    nginx: Nginx,
    service: Service,
    person: Callable[[str], Person],
    stock_client: NODE,
    transports: list[str],
) -> None:
    alice, bob = person("customer"), person("seller")
    seller = stock_client(nginx.url, bob.token, transports=transports)
    assert seller.wait_settled()["transport"] in transports
    assert bool(seller.all("upgrade")) == (len(transports) == 2)

    order = alice.orders(bob.offers())

    assert seller.wait_event("order:new")[0] == order


def test_the_api_is_served_through_nginx(nginx: Nginx) -> None:
    """Registering and logging in are POSTs, with the same fields in front of their bodies."""
    person = register(nginx.url, "customer")
    with person.http:
        assert person.get("/api/auth/me")["role"] == "customer"
        asked = {"Upgrade": "websocket", "Connection": "upgrade"}
        answer = person.call("GET", "/api/auth/me", headers=asked)
        assert answer.status_code == 200, answer.text
        assert loopback.get(f"{nginx.url}/readyz").json()["status"] == "ok"
