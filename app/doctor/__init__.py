"""Examinations that the marketplace adds to the library's, for `flask doctor`.

accounts.py  demo accounts with the public password, ids that are another issuer's
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
