"""An app of tests/e2e/apps running: its web processes, and the worker."""

from pathlib import Path
from typing import Any

import httpx

from tests.harness.clients import loopback
from tests.harness.processes.process import BIN, Process, environment
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

STOCK = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"
START_SECONDS = 60.0


class UnchangedApp:
    """`name` of its module; `durable`: ORDERCAST_DURABLE. `workers`: of gunicorn."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        database_url: str,
        redis_url: str,
        durable: str,
        factory: bool = False,
        workers: int = 1,
        is_stock: bool = False,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = environment(
            FLASK_APP=f"tests.e2e.apps.{name}",
            FLASK_SECRET_KEY="the-secret-of-another-team-that-is-long-enough",
            FLASK_ORDERCAST_REDIS_URL=redis_url,
            FLASK_ORDERCAST_DURABLE=durable,
            DATABASE=database_url,
            WITH_ORDERCAST="0" if is_stock else "1",
        )
        app = f"tests.e2e.apps.{name}:" + ("create_app()" if factory else "app")
        self._processes: list[Process] = []
        if is_stock:
            config = folder / "stock.py"  # else gunicorn reads the one of this repository
            config.touch()
            gunicorn = ["gunicorn", "-c", str(config), "-k", STOCK, "-w", "1"]
        else:
            self._run(folder, "flask", "ordercast", "upgrade").wait()
            gunicorn = ["gunicorn", "-c", "python:ordercast.gunicorn", "-w", str(workers)]
        self.web = self._run(folder, *gunicorn, "-b", f"127.0.0.1:{self.port}", app)
        self._processes.append(self.web)
        if not is_stock:
            self._processes.append(self._run(folder, "flask", "ordercast", "worker"))
        wait_until(self._answers, f"{name} answers", seconds=START_SECONDS)

    def post(self, path: str, body: Any = None) -> Any:
        answer = loopback.post(f"{self.url}{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def stop(self) -> None:
        for process in self._processes:
            process.stop()

    def _run(self, folder: Path, first: str, *rest: str) -> Process:
        log = folder / f"{first}-{len(self._processes)}.log"
        return Process([str(BIN / first), *rest], env=self._env, log=log)

    def _answers(self) -> bool:
        assert self.web.is_running(), self.web.output()
        try:
            return loopback.get(self.url, timeout=5).status_code == 404
        except httpx.TransportError:
            return False
