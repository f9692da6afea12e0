"""The balancers of deploy/ in front of two hosts, each with its file as an operator takes it."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.harness.processes.process import ROOT, Process
from tests.harness.servers.nginx import Nginx
from tests.harness.servers.ports import free_port
from tests.harness.waiting import wait_until

DEPLOY = ROOT / "deploy"
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
FIRST, SECOND = "10.0.0.5:8000", "10.0.0.6:8000"  # the hosts in the files
PREFIX = "/shop"


def program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:{SBIN}")
    assert found, f"{name} is needed for this test (Debian: apt-get install {name})"
    return found


class Balancer:
    """Serves at `url`, with TLS of a certificate that nobody signed."""

    def __init__(self, port: int, stop: Callable[[], object]) -> None:
        self.port = port
        self.url = f"https://127.0.0.1:{port}{PREFIX}"
        self.stop = stop


class Template:
    """A file of deploy/, with the names of this machine in the place of an operator's. Each name
    has to be there: a file in which nothing was replaced would be tested by nobody."""

    def __init__(self, name: str, hosts: tuple[str, str], certificate: Path) -> None:
        self.text = (DEPLOY / name).read_text()
        self.replace(FIRST, hosts[0])
        self.replace(SECOND, hosts[1])
        self._certificate = certificate

    def replace(self, operators: str, ours: str) -> None:
        assert operators in self.text, operators
        self.text = self.text.replace(operators, ours)

    def certify(self, *, key: bool = True) -> None:
        self.replace("/etc/ssl/shop.example.pem", str(self._certificate))
        if key:
            self.replace("/etc/ssl/shop.example.key", str(self._certificate))


def nginx(folder: Path, hosts: tuple[str, str], certificate: Path) -> Balancer:
    port = free_port()
    file = Template("nginx/ordercast.conf", hosts, certificate)
    file.certify()
    file.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    file.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    braced = file.text.replace("{", "{{").replace("}", "}}")
    server = Nginx(folder, braced)
    return Balancer(port, server.stop)


def haproxy(folder: Path, hosts: tuple[str, str], certificate: Path) -> Balancer:
    port = free_port()
    file = Template("haproxy/haproxy.cfg", hosts, certificate)
    file.certify(key=False)
    file.replace("maxconn 40000", "maxconn 1000")  # a file limit as machines of tests have it
    file.replace("bind :443", f"bind 127.0.0.1:{port}")
    file.replace("bind :80", f"bind 127.0.0.1:{free_port()}")
    path = folder / "haproxy.cfg"
    path.write_text(file.text)
    return _run([program("haproxy"), "-db", "-f", str(path)], folder, port)


def caddy(folder: Path, hosts: tuple[str, str], certificate: Path) -> Balancer:
    port = free_port()
    file = Template("caddy/Caddyfile", hosts, certificate)
    file.certify()
    file.text = re.sub(
        r"^shop\.example \{",
        f"https://127.0.0.1:{port} {{\n\tbind 127.0.0.1",
        file.text,
        flags=re.M,
    )
    own = "{\n admin off\n auto_https disable_redirects\n skip_install_trust\n}\n"
    path = folder / "Caddyfile"
    path.write_text(own + file.text)
    command = [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(path)]
    return _run(command, folder, port)


def _run(command: list[str], folder: Path, port: int) -> Balancer:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    process = Process(command, env=env, log=folder / "balancer.log")

    def listens() -> bool:
        assert process.is_running(), process.output()
        return _is_listening(port)

    try:
        wait_until(listens, f"{command[0]} listens")
    except BaseException:
        process.kill()
        raise
    return Balancer(port, process.stop)


def _is_listening(port: int) -> bool:
    """Whether a process listens at this port; nothing is sent to it."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    return wanted in Path("/proc/net/tcp").read_text()


BALANCERS = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}
