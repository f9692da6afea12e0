"""`python -m tests.harness.processes.stage NAME=value ...`: a service of its own on SQLite and a
Redis, for tests in other languages. Prints one line of JSON, `{"url", "secret"}`; ends with its
input.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.harness.processes.process import SECRET
from tests.harness.processes.service import Service
from tests.harness.servers.redis import RedisServer


def main(settings: dict[str, str]) -> None:
    """Run until the standard input ends."""
    with TemporaryDirectory(prefix="ordercast-stage-") as name:
        folder = Path(name)
        redis = RedisServer(folder)
        url = f"sqlite:///{folder / 'ordercast.db'}"
        service = Service(folder, database_url=url, redis_url=redis.url, **settings)
        try:
            redis.start()
            migrated = service.flask("db", "upgrade")
            if migrated.returncode != 0:
                sys.exit(migrated.stderr)
            service.start()
            print(json.dumps({"url": service.url, "secret": SECRET}), flush=True)
            sys.stdin.read()
        finally:
            service.stop()
            redis.stop()


if __name__ == "__main__":
    main(dict(argument.split("=", 1) for argument in sys.argv[1:]))
