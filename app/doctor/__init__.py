"""What `flask doctor` examines beside what the library does.

accounts.py  logins that everybody knows, ids that are another issuer's
database.py  the migrations      process.py  gunicorn.conf.py      web.py  /readyz of this machine
"""

from flask import Flask

from app.doctor import accounts, database, process, web
from app.extension import cast


def init_app(app: Flask) -> None:
    settings = app.config["SETTINGS"]
    cast.add_examinations(
        database.MIGRATIONS,
        process.PATCHING,
        *accounts.examinations(settings),
        web.examination(settings.PORT),
    )
