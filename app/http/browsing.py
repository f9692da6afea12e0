"""A person's browser that opens an address, told from a program that calls it, and the page that
says what went wrong."""

from http import HTTPStatus

from flask import Response, current_app, render_template, request

API = "/api/"
# The pages' policy: everything comes from this origin, and nothing is inline.
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "manifest-src 'self'",
            "connect-src 'self'",  # CSP 3: also ws and wss of the same host and port
            "base-uri 'none'",
            "form-action 'none'",  # without its script a form must not put a password into a URL
            "frame-ancestors 'none'",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

SAYS = {
    404: ("There is no page here", "The address may be mistyped, or the page is gone."),
    503: ("Not available right now", "The service is busy or restarting. This page tries again."),
}
BAD_REQUEST = ("This cannot be opened", "The service does not understand this address.")
FAILURE = ("Something went wrong here", "It has been logged. Try again in a moment.")
AGAIN_SECONDS = 5  # until a page that says 503 loads itself again


def by_a_person() -> bool:
    """Whether a browser opens this address: it asks for HTML before JSON. Calls of the API are a
    program's in any case, and so is `Accept: */*`."""
    if request.method not in ("GET", "HEAD") or request.path.startswith(API):
        return False
    accepted = request.accept_mimetypes
    return bool(accepted["text/html"] > accepted["application/json"])


def error_page(status: int) -> Response:
    """The page that says to a person what the status means; it needs no script and no database."""
    title, text = SAYS.get(status, FAILURE if status >= 500 else BAD_REQUEST)
    again = AGAIN_SECONDS if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    html = render_template("error.html", status=status, title=title, text=text, again=again)
    answer = current_app.response_class(html, status=status, mimetype="text/html")
    answer.headers.update(HEADERS)
    return answer
