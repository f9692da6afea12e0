"""The pages for people at `/`: files that `make run` builds from client/demo.

Everything on them comes from this origin and nothing is inline, as the policy demands. Without a
build the page at `/` says how to build, and the API runs all the same.
"""

from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask import send_from_directory as send
from werkzeug.exceptions import NotFound

blueprint = Blueprint("pages", __name__, template_folder="templates")

SITE = Path(__file__).parent / "site"  # made by `make site`, not committed
YEAR_SECONDS = 365 * 24 * 3600
# Do not ask the machine's table of types: some have .js as text/plain, which nosniff refuses.
MIMETYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",  # CSP 3: also ws and wss of the same host and port
        "base-uri 'none'",
        "form-action 'none'",  # without its script a form must not put a password into a URL
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def init_app(app: Flask) -> None:
    app.config.setdefault("SITE", SITE)
    app.register_blueprint(blueprint)


@blueprint.get("/")
def page() -> Response:
    """-> 200, the page, or without a build a page that says how to build it."""
    try:
        answer = send(current_app.config["SITE"], "index.html")
    except NotFound:
        answer = current_app.response_class(render_template("unbuilt.html"), mimetype="text/html")
    answer.headers.update(HEADERS)
    answer.headers["Cache-Control"] = "no-cache"  # index.html names the newest build's assets
    return answer


@blueprint.get("/assets/<path:filename>")
def asset(filename: str) -> Response:
    """-> 200 a built file, compressed if the browser accepts it | 404."""
    folder = current_app.config["SITE"] / "assets"
    zipped = folder / f"{filename}.gz"
    if request.accept_encodings.quality("gzip") and zipped.is_file():
        answer = send(folder, f"{filename}.gz", mimetype=_mimetype(filename))
        answer.headers["Content-Encoding"] = "gzip"
    else:
        answer = send(folder, filename, mimetype=_mimetype(filename))
    answer.headers.update(HEADERS)
    # Cache for long: the file's name contains the hash of its content.
    answer.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    answer.vary.add("Accept-Encoding")
    return answer


def _mimetype(filename: str) -> str | None:
    return MIMETYPES.get(Path(filename).suffix)
