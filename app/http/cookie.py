"""The cookie of the pages' session: the refresh token, out of the reach of scripts.

The browser sends the cookie to PATH alone, and calls there count only from the pages of the same
origin. Everywhere else the access token in the Authorization header is the proof, and no cookie is
read: no other site can act by a cookie that the browser adds.
"""

from flask import Response, request

from app.accounts.tokens import REFRESH_SECONDS
from app.http.errors import NotFromOurPages
from ordercast import AuthenticationRequired, Origins

PATH = "/api/auth/session"
MARK = "X-Requested-With"  # with it a script of another origin needs a preflight, and gets none
OWN = Origins(())


def require_own_page() -> None:
    """Raises NotFromOurPages unless a script of this origin's pages calls, or a program without a
    browser, which has no cookie by accident."""
    if MARK not in request.headers:
        raise NotFromOurPages
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        own = site == "same-origin"  # the browser's word, right behind every proxy
    else:  # an older browser, or a page that came over plain HTTP
        origin = request.headers.get("Origin")
        own = origin is None or OWN(origin, request.environ)
    if not own:
        raise NotFromOurPages


def token() -> str:
    """The refresh token of the cookie. Raises AuthenticationRequired without a cookie."""
    found = request.cookies.get(_name())
    if not found:
        raise AuthenticationRequired
    return found


def keep(answer: Response, refresh_token: str) -> Response:
    """Give the browser the cookie."""
    answer.set_cookie(
        _name(),
        refresh_token,
        max_age=REFRESH_SECONDS,
        path=PATH,
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
    return answer


def forget(answer: Response) -> Response:
    """Make the browser delete the cookie."""
    answer.delete_cookie(
        _name(), path=PATH, secure=request.is_secure, httponly=True, samesite="Strict"
    )
    return answer


def _name() -> str:
    """A name for each origin: browsers share cookies between the ports of a host, and over HTTPS a
    cookie that came over HTTP must not count."""
    port = request.host.rpartition(":")[2]
    name = f"ordercast_{port}" if port.isdecimal() else "ordercast"
    return f"__Secure-{name}" if request.is_secure else name
