"""What the tests need of the machine besides Python and Node.js: a browser, and the programs that
stand around a service. As root on Debian they are installed; elsewhere one line says which
are missing."""

import os
import shutil
import subprocess
import sys

# Programs by the package that has them, in Debian's words.
PACKAGES = {
    "caddy": "caddy",
    "chromium": "chromium",
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "pgbouncer": "pgbouncer",
    "promtool": "prometheus",
    "systemd-analyze": "systemd",
}
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"  # where servers are, and an ordinary PATH does not look


def main() -> int:
    """-> the exit code: 0 when everything is there."""
    missing = absent()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        install([PACKAGES[name] for name in missing])
        missing = absent()
    if "chromium" in missing and playwright_has_one():
        missing.remove("chromium")
    if missing:
        packages = " ".join(PACKAGES[name] for name in missing)
        print(f"The tests need {', '.join(missing)}: apt-get install {packages}", file=sys.stderr)
        return 1
    return 0


def absent() -> list[str]:
    return [name for name in PACKAGES if program(name) is None]


def program(name: str) -> str | None:
    """The path of a program, if it is there."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")


def install(packages: list[str]) -> None:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], env=environ, check=False)
    command = ["apt-get", "install", "-qy", "--no-install-recommends", *packages]
    subprocess.run(command, env=environ, check=False)


def playwright_has_one() -> bool:
    """Whether Playwright's own Chromium could be installed; its installer says what it does."""
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
