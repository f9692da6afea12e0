"""nginx from Debian in front of services, with a configuration as an operator writes it."""

import os
import shutil
from pathlib import Path

from tests.harness.processes.process import Process
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

MAIN = """
daemon off;
user root;  # to reach what a test keeps to itself
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{http}
}}
"""


class Nginx:
    """`http` is what stands in the block of that name, with {port} for the port it listens on."""

    def __init__(self, folder: Path, http: str, **values: str | int) -> None:
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "nginx is needed for this test (Debian: apt-get install nginx-light)"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inner = http.format(port=self.port, folder=folder, **values)
        configuration = folder / "nginx.conf"
        configuration.write_text(MAIN.format(folder=folder, http=inner))
        command = [program, "-p", str(folder), "-e", "stderr", "-c", str(configuration)]
        self._process = Process(command, env=dict(os.environ), log=folder / "nginx.log")
        wait_until(self._runs, "nginx runs")

    def _runs(self) -> bool:
        assert self._process.is_running(), self._process.output()
        return "start worker process" in self._process.output()

    def stop(self) -> None:
        self._process.stop()
