"""Another program's hand in the table of events: rows as no part of this service writes them."""

from typing import Any

from sqlalchemy import text

from app.db import db

WHEN = "'2026-01-02 03:04:05+00'"
INSERT = (
    "INSERT INTO ordercast_events (room, name, data, created_at) VALUES ({}, {}, {}, " + WHEN + ")"
)


def lift_checks() -> None:
    """As the table was before the database checked what is written into it."""
    checks = ("data_is_json", "can_be_sent")
    statements = {
        "postgresql": [
            f"ALTER TABLE ordercast_entries DROP CONSTRAINT IF EXISTS ck_ordercast_entries_{check}"
            for check in checks
        ],
        "sqlite": [
            f"DROP TRIGGER IF EXISTS ordercast_events_{check}_{moment}"
            for check in checks
            for moment in ("insert", "update")
        ],
    }
    with db.engine.begin() as connection:
        for statement in statements[db.engine.dialect.name]:
            connection.execute(text(statement))


def insert(room: str, name: str, data: str) -> None:
    with db.engine.begin() as connection:
        values = {"room": room, "name": name, "data": data}
        connection.execute(text(INSERT.format(":room", ":name", ":data")), values)


def insert_bytes(*values: bytes) -> None:
    """Text of these bytes, which SQLite takes whatever they are."""
    with db.engine.begin() as connection:
        literals: list[Any] = [f"CAST(x'{value.hex()}' AS TEXT)" for value in values]
        connection.exec_driver_sql(INSERT.format(*literals))
