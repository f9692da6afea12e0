"""What `flask doctor` says of clocks that are apart."""

from flask import Flask
from sqlalchemy import text

from app import create_app
from app.config import Settings
from app.db import db
from ordercast import Finding, Level
from ordercast.service import Service

# The database's clock, as every statement of the database asks for it, is ahead of all others.
AHEAD = """
CREATE SCHEMA apart;
CREATE FUNCTION apart.clock_timestamp() RETURNS timestamptz
  LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() + interval ''90 s''';
"""


def found(app: Flask) -> Finding:
    service: Service = app.extensions["ordercast"]
    [finding] = [one for one in service.examine() if one.name == "clocks"]
    return finding


def test_clocks_that_agree_are_well(app: Flask) -> None:
    assert found(app) == Finding("clocks", Level.OK, "this host, the database and Redis agree")


def test_a_database_whose_clock_is_ahead_is_a_warning(
    postgres_url: str, settings: Settings
) -> None:
    app = create_app(Settings.of(**{**settings.model_dump(), "DATABASE_URL": postgres_url}))
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text(AHEAD))
            name = connection.scalar(text("SELECT current_database()"))
            path = "apart, pg_catalog, public"
            connection.execute(text(f'ALTER DATABASE "{name}" SET search_path = {path}'))
        db.engine.dispose()
        finding = found(app)
        db.engine.dispose()
    assert finding.level is Level.WARN
    assert finding.text.startswith("by this host's clock the database is ")
    assert finding.text.endswith(" s ahead")
    assert "NTP" in finding.advice
