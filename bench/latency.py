"""Latency from the HTTP answer to the event at a stock client: PostgreSQL, 200 clients, 50
changes/s.

    make bench            or: python -m bench.latency [--seconds 30]

Starts its own PostgreSQL, Redis, web process and worker; the load (bench/latency.mjs) is a Node
process with stock clients. A missing or doubled event fails the run. To reach: p50 at most 10 ms,
p99 at most 50 ms.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from app import create_app
from app.accounts import tokens
from app.accounts.models import Role, User
from app.catalog.models import Product
from app.config import Settings
from app.db import db, transaction
from bench.peers import cpu_seconds
from tests.harness.processes.process import ROOT, SECRET, environment, flask
from tests.harness.processes.service import Service
from tests.harness.servers.postgres import Postgres
from tests.harness.servers.redis import RedisServer

PAIRS = 100  # customers and as many sellers: 200 clients
CHANGES_PER_SECOND = 50
WARMUP_SECONDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=30)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ordercast-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        (folder / "pg").mkdir()
        postgres, redis = Postgres(folder / "pg"), RedisServer(folder)
        redis.start()
        service = None
        try:
            url = postgres.url(postgres.new_database())
            pairs = people(url, redis.url)
            service = Service(folder, database_url=url, redis_url=redis.url).start()
            report = measure(service, pairs, arguments.seconds)
        finally:
            if service is not None:
                service.stop()
            redis.stop()
            postgres.stop()
    print(json.dumps(report, indent=2))
    return 0 if not report["missing"] and not report["failed"] else 1


def people(url: str, redis_url: str) -> list[dict[str, str]]:
    """Migrate, and make the accounts and products -> tokens and product ids."""
    done = flask("db", "upgrade", env=environment(DATABASE_URL=url))
    assert done.returncode == 0, done.stderr
    settings = Settings.of(
        DATABASE_URL=url, REDIS_URL=redis_url, JWT_SECRET_KEY=SECRET, LOG_LEVEL="WARNING"
    )
    app = create_app(settings)
    pairs = []
    with app.app_context(), transaction() as session:
        for number in range(PAIRS):
            customer, seller = (
                User(
                    email=f"{role}{number}@example.com", name=role, role=role, password_hash="none"
                )
                for role in (Role.CUSTOMER, Role.SELLER)
            )
            product = Product(
                seller=seller,
                name=f"Tea {number}",
                price_cents=250,
                currency="EUR",
                stock=1_000_000,
                low_stock_threshold=0,
            )
            session.add_all((customer, seller, product))
            session.flush()
            pairs.append(
                {
                    "customer": tokens.issue("access", str(customer.id), Role.CUSTOMER),
                    "seller": tokens.issue("access", str(seller.id), Role.SELLER),
                    "productId": str(product.id),
                }
            )
    with app.app_context():
        db.engine.dispose()
    return pairs


def measure(service: Service, pairs: list[dict[str, str]], seconds: int) -> dict[str, Any]:
    plan = {
        "url": service.url,
        "changesPerSecond": CHANGES_PER_SECOND,
        "seconds": seconds,
        "warmupSeconds": WARMUP_SECONDS,
        "pairs": pairs,
    }
    assert service.worker is not None
    processes = {"web": service.worker_process(), "worker": service.worker.pid}
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    load = subprocess.run(
        ["node", str(ROOT / "bench/latency.mjs")],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=seconds + 120,
    )
    sys.stderr.write(load.stderr)
    if not load.stdout:
        raise RuntimeError("the load generator gave no report")
    report: dict[str, Any] = json.loads(load.stdout)
    for name, pid in processes.items():
        report[f"{name}CpuSeconds"] = round(cpu_seconds(pid) - before[name], 2)
    return report


if __name__ == "__main__":
    sys.exit(main())
