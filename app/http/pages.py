"""The pages for people at `/` and at CLIENT_ROUTES: files that `make run` builds from client/demo.

Everything on them comes from this origin and nothing is inline, as the policy demands. Without a
build the page at `/` says how to build, and the API runs all the same.
"""

from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask import send_from_directory as send
from werkzeug.exceptions import NotFound

from app.http import browsing

blueprint = Blueprint("pages", __name__, template_folder="templates")

SITE = Path(__file__).parent / "site"  # made by `make site`, not committed
DAY_SECONDS = 24 * 3600
YEAR_SECONDS = 365 * DAY_SECONDS
# Do not ask the machine's table of types: some have .js as text/plain, which nosniff refuses.
MIMETYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
COMPRESSED = {"br": ".br", "gzip": ".gz"}  # files beside the built ones, the smaller first
# The addresses that the pages' own script reads: a person who opens one gets the pages.
CLIENT_ROUTES = (
    "/shop",
    "/orders",
    "/orders/<order_id>",
    "/notifications",
    "/board",
    "/sales",
    "/stock",
    "/write",
    "/admin",
)


def init_app(app: Flask) -> None:
    app.config.setdefault("SITE", SITE)
    app.register_blueprint(blueprint)


def client_route(**_parts: str) -> Response:
    """-> 200, the page, for a person | 404 for a program."""
    if not browsing.by_a_person():
        raise NotFound
    answer = page()
    answer.vary.add("Accept")
    return answer


for route in CLIENT_ROUTES:
    blueprint.add_url_rule(route, view_func=client_route)


@blueprint.get("/")
def page() -> Response:
    """-> 200, the page, or without a build a page that says how to build it."""
    try:
        answer = _of_a_demo() if current_app.config["SETTINGS"].DEMO else _index()
    except NotFound:
        answer = current_app.response_class(render_template("unbuilt.html"), mimetype="text/html")
    answer.headers.update(browsing.HEADERS)
    answer.headers["Cache-Control"] = "no-cache"  # index.html names the newest build's assets
    return answer


@blueprint.get("/docs/console")
def console() -> Response:
    """-> 200, the console of one's own events | 404 without a build."""
    answer = send(current_app.config["SITE"], "console.html")
    answer.headers.update(browsing.HEADERS)
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _index() -> Response:
    return send(current_app.config["SITE"], "index.html")


def _of_a_demo() -> Response:
    """The page, which says to its script that the demo's people may be offered."""
    answer = _index()
    answer.direct_passthrough = False
    answer.set_data(answer.get_data(as_text=True).replace("<html", "<html data-demo", 1))
    answer.headers.pop("ETag", None)  # of the file, which is the page of other services too
    return answer


@blueprint.get("/favicon.ico")
@blueprint.get("/icon.svg")
def icon() -> Response:
    """-> 200, the mark: for browsers that ask unbidden, and for the manifest."""
    answer = send(Path(__file__).parent / "static", "icon.svg", mimetype="image/svg+xml")
    answer.headers["Cache-Control"] = f"public, max-age={DAY_SECONDS}"
    return answer


@blueprint.get("/assets/<path:filename>")
def asset(filename: str) -> Response:
    """-> 200 a built file, compressed if the browser accepts it | 404."""
    folder = current_app.config["SITE"] / "assets"
    named = {name.lower(): quality for name, quality in request.accept_encodings}
    for encoding, suffix in COMPRESSED.items():
        if named.get(encoding) and (folder / f"{filename}{suffix}").is_file():
            answer = send(folder, f"{filename}{suffix}", mimetype=_mimetype(filename))
            answer.headers["Content-Encoding"] = encoding
            break
    else:
        answer = send(folder, filename, mimetype=_mimetype(filename))
    answer.headers.update(browsing.HEADERS)
    # Cache for long: the file's name contains the hash of its content.
    answer.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    answer.vary.add("Accept-Encoding")
    return answer


def _mimetype(filename: str) -> str | None:
    return MIMETYPES.get(Path(filename).suffix)
