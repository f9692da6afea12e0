"""The pages for people at `/`: what `make run` builds from client/demo, as files.

Everything on them comes from here and nothing is inline, so that the policy can say just that.
Without a build the page at `/` says how to make one, and the API runs all the same.
"""

from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask import send_from_directory as send
from werkzeug.exceptions import NotFound

blueprint = Blueprint("pages", __name__, template_folder="templates")

SITE = Path(__file__).parent / "site"  # made by `make site`, not committed
YEAR_SECONDS = 365 * 24 * 3600
# Not the machine's table: on some of them .js is text/plain, which nosniff refuses.
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
        "form-action 'none'",  # a form that no script handles must not put a password in a URL
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
    """-> 200, the page; one that says how to build it while there is no build."""
    try:
        answer = send(current_app.config["SITE"], "index.html")
    except NotFound:
        answer = current_app.response_class(render_template("unbuilt.html"), mimetype="text/html")
    answer.headers.update(HEADERS)
    answer.headers["Cache-Control"] = "no-cache"  # it names the assets of the newest build
    return answer


@blueprint.get("/assets/<path:filename>")
def asset(filename: str) -> Response:
    """-> 200 a built file, compressed if the browser takes that | 404."""
    folder = current_app.config["SITE"] / "assets"
    zipped = folder / f"{filename}.gz"
    if request.accept_encodings.quality("gzip") and zipped.is_file():
        answer = send(folder, f"{filename}.gz", mimetype=_mimetype(filename))
        answer.headers["Content-Encoding"] = "gzip"
    else:
        answer = send(folder, filename, mimetype=_mimetype(filename))
    answer.headers.update(HEADERS)
    # Its name holds the hash of its content.
    answer.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    answer.vary.add("Accept-Encoding")
    return answer


def _mimetype(filename: str) -> str | None:
    return MIMETYPES.get(Path(filename).suffix)
