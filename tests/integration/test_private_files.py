"""The SQLite database is readable for its user only."""

from pathlib import Path

from sqlalchemy import create_engine, text

from tests.harness.processes.process import environment, flask


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_database_and_the_files_beside_it_are_private(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    done = flask("db", "upgrade", env=environment(DATABASE_URL=f"sqlite:///{file}"))
    assert done.returncode == 0, done.stderr
    assert mode(file) == 0o600
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE written (id INTEGER)"))
        beside = sorted(path.name for path in tmp_path.iterdir())
        assert beside == ["orders.db", "orders.db-shm", "orders.db-wal"]
        assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
    engine.dispose()


def test_a_database_that_cannot_be_made_says_so_itself(tmp_path: Path) -> None:
    done = flask("db", "upgrade", env=environment(DATABASE_URL=f"sqlite:///{tmp_path}/no/x.db"))
    assert done.returncode != 0
    assert "unable to open database file" in done.stderr


def test_the_mode_that_an_operator_gave_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    file.touch()
    file.chmod(0o640)
    done = flask("db", "upgrade", env=environment(DATABASE_URL=f"sqlite:///{file}"))
    assert done.returncode == 0, done.stderr
    assert mode(file) == 0o640
