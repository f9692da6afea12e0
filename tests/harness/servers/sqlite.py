"""SQLite databases in a folder."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from tests.harness.servers.journals import RENAME_JOURNAL


class SqliteFiles:
    """SQLite databases in a folder, with the same calls as Postgres."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def url(self, database: str) -> str:
        return f"sqlite:///{self._folder / database}"

    def new_database(self, template: str | None = None) -> str:
        name = f"test_{uuid4().hex[:12]}.db"
        if template:
            shutil.copy(self._folder / template, self._folder / name)
            with closing(sqlite3.connect(self._folder / name)) as connection:
                connection.execute(RENAME_JOURNAL.replace("%s", "?"), [uuid4().hex])
                connection.commit()
        return name

    def back_up(self, name: str) -> str:
        """A copy of the database as it is now -> its name."""
        copy = f"{name}.backup"
        self.restore(copy, name)
        return copy

    def restore(self, name: str, backup: str) -> None:
        """The database is again what the backup is, also for those who have it open."""
        with (
            closing(sqlite3.connect(self._folder / backup)) as source,
            closing(sqlite3.connect(self._folder / name)) as target,
        ):
            source.backup(target)

    def drop(self, name: str) -> None:
        for file in self._folder.glob(f"{name}*"):
            file.unlink()
