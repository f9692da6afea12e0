"""`make types`: the marketplace's payloads as TypeScript, `client/src/events.ts`, from the same
declarations as the AsyncAPI document. With `--check` nothing is written, and a file that differs is
an error.
"""

import sys
from pathlib import Path

from app.catalog.wire import ProductView
from app.events import EVENTS, Order
from app.notifications.wire import NotificationView
from ordercast import Wire
from ordercast.typescript import Types

FILE = Path(__file__).parent.parent / "client/src/events.ts"
HEAD = "// Made by `make types` from app/events.py: change that.\n"
MODELS: tuple[type[Wire], ...] = (Order, *EVENTS, ProductView, NotificationView)


def main(arguments: list[str]) -> int:
    """Write the file, or compare it -> the exit code."""
    text = source()
    if arguments != ["--check"]:
        FILE.write_text(text)
        return 0
    if FILE.exists() and FILE.read_text() == text:
        return 0
    print("client/src/events.ts is not what app/events.py declares: run `make types`")
    return 1


def source() -> str:
    """The whole file."""
    types = Types(MODELS)
    payloads = f"export {types.interface('MarketPayloads', EVENTS)}\n"
    return "\n".join([HEAD, *types.declarations(), payloads])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
