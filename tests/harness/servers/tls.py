"""TLS in front of a server of the loopback: HAProxy, certified by a private authority."""

import os
import socket
from pathlib import Path

from tests.harness.processes.process import Process
from tests.harness.servers.balancers import program
from tests.harness.servers.certificates import certify_by_authority
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

CONFIGURATION = """
global
  log stderr format raw local0
defaults
  mode tcp
  log global
  timeout connect 5s
  timeout client 1m
  timeout server 1m
frontend tls
  bind 127.0.0.1:{port} ssl crt {folder}/host.pem
  default_backend plain
backend plain
  server one 127.0.0.1:{behind}
"""


class Tls:
    """`authority` is the file by which its certificate is verified."""

    def __init__(self, folder: Path, *, in_front_of: int) -> None:
        certify_by_authority(folder)
        self.authority = folder / "authority.pem"
        self.port = free_port()
        configuration = folder / "tls.cfg"
        configuration.write_text(
            CONFIGURATION.format(port=self.port, folder=folder, behind=in_front_of)
        )
        command = [program("haproxy"), "-db", "-f", str(configuration)]
        self._process = Process(command, env=dict(os.environ), log=folder / "tls.log")
        wait_until(self._listens, "HAProxy listens")

    def _listens(self) -> bool:
        assert self._process.is_running(), self._process.output()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self._process.stop()
