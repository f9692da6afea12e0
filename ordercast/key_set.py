"""The key set of another issuer, at JWT_JWKS_URL: read in the background, kept, shared.

                  ┌─ FRESH_SECONDS over ──▶ read again behind the answer ─┐
    known kid ────┤                                                        ├──▶ the key
                  └─ else ─────────────────────────────────────────────────┘
    unknown kid ──▶ read again, once in UNKNOWN_SECONDS for everybody ──▶ the key, or TokenInvalid
    no set yet ──▶ wait for the first reading ──▶ the key, or KeysUnavailable

A reading has a thread of its own, which is a greenlet in gunicorn's workers: connects go on
meanwhile, and those that need its result share it. A reading that fails changes nothing: the last
good set stays in use through an outage of the issuer.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from ordercast.errors import KeysUnavailable, TokenInvalid
from ordercast.keys import Key, keys_of
from ordercast.metrics import KEY_SET_READINGS
from ordercast.redaction import redacted

logger = logging.getLogger(__name__)
FRESH_SECONDS = 300.0  # after which the set is read again behind the next answer
UNUSED_SECONDS = 900.0  # without any reading, after which an answer waits for the next one
UNKNOWN_SECONDS = 30.0  # between two readings for an unknown kid
RETRY_SECONDS = 2.0  # between two readings while there is no set yet
AGAIN_SECONDS = 30.0  # between two readings of a set that is not fresh, while the issuer is down
READ_SECONDS = 5.0  # of one reading, from its beginning to its last byte
SPARE_SECONDS = 1.0  # for a reading that ends by its timeout to say so
MAX_BYTES = 1_048_576  # of a document
PIECE_BYTES = 65_536
MAX_QUOTED_CHARACTERS = 40  # of a kid that a log line repeats

Fetch = Callable[[str], object]  # the document at a URL. Raises OSError, ValueError


class _Reading:
    """One reading, for all that wait for its result."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._done = threading.Event()

    def finish(self) -> None:
        self._done.set()

    def wait(self) -> None:
        """Until it has finished, or is given up."""
        self._done.wait(READ_SECONDS + SPARE_SECONDS)


class KeySet:
    """The keys of the document at `url`. Any thread may ask. `clock`: seconds of a clock that only
    goes forward."""

    def __init__(
        self,
        url: str,
        *,
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self._fetch = fetch or fetched
        self._clock = clock
        self._lock = threading.Lock()  # of what follows; never held while a document is read
        self._keys: tuple[Key, ...] = ()
        self._read_at = 0.0
        self._reading: _Reading | None = None
        self._began = float("-inf")  # the last reading, for whatever reason
        self._began_for_unknown = float("-inf")
        self._why = "it was not read yet"  # the last reading failed; empty: it did not

    def start(self) -> None:
        """Begin the first reading, so that the first connect need not wait for it."""
        if not self._keys:
            self._begin(at_least=RETRY_SECONDS)

    @property
    def is_read(self) -> bool:
        """Whether there is a set: the tokens of its keys can be checked."""
        return bool(self._keys)

    def find(self, kid: str | None, algorithm: str) -> Key:
        """The key that a token's header names. Raises TokenInvalid with the reason, and
        KeysUnavailable while the set was never read."""
        if not self._keys:
            self._wait(self._begin(at_least=RETRY_SECONDS))
            if not self._keys:
                raise KeysUnavailable(self._why)
        else:
            self._refresh()
        found = self._known(kid)
        if not found:
            found = self._unknown(kid)
        fitting = [key for key in found if algorithm in key.algorithms]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise TokenInvalid(f"its key (kid) may be any of {len(fitting)} keys of JWT_JWKS_URL")
        raise TokenInvalid(f"its algorithm is none of its key's: {_listed(found)}")

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._read_at <= FRESH_SECONDS:
            return
        # Wait if the last reading is long past: a key may have been withdrawn meanwhile. During an
        # outage the last reading began a moment ago, and no token waits.
        is_unused = now - max(self._began, self._read_at) > UNUSED_SECONDS
        reading = self._begin(at_least=AGAIN_SECONDS)
        if is_unused:
            self._wait(reading)

    def _known(self, kid: str | None) -> list[Key]:
        """The keys that a token with this kid may be signed with. A key without a name may be any
        token's; a token without a kid may be any key's."""
        keys = self._keys
        if kid is None:
            return list(keys)
        return [key for key in keys if key.kid == kid] or [key for key in keys if key.kid is None]

    def _unknown(self, kid: str | None) -> list[Key]:
        """The keys of a kid that the set has after it was read again. Raises TokenInvalid."""
        # Read again after a reading that runs already: the issuer may have published the key since
        # that one began.
        for next_reading in (self._joined, self._begin_for_unknown):
            self._wait(next_reading())
            if found := self._known(kid):
                return found
        seconds = self._clock() - self._read_at
        again = f"; reading it again failed: {self._why}" if self._why else ""
        raise TokenInvalid(
            f"its key (kid) {(kid or '')[:MAX_QUOTED_CHARACTERS]!r} is none of JWT_JWKS_URL,"
            f" as read {seconds:.0f} s ago{again}"
        )

    def _running(self) -> _Reading | None:
        """The reading that runs now. A lock is held."""
        reading = self._reading
        is_given_up = reading is None or self._clock() - reading.began > READ_SECONDS
        return None if is_given_up else reading

    def _joined(self) -> _Reading | None:
        with self._lock:
            return self._running()

    def _begin_for_unknown(self) -> _Reading | None:
        with self._lock:
            now = self._clock()
            if now - self._began_for_unknown < UNKNOWN_SECONDS:
                return self._running()
            self._began_for_unknown = now
        return self._begin(at_least=0)

    def _begin(self, *, at_least: float) -> _Reading | None:
        """Begin a reading unless the last one began less than so many seconds ago -> the one that
        runs now, if any."""
        with self._lock:
            now = self._clock()
            if (running := self._running()) is not None:
                return running
            if now - self._began < at_least:
                return None
            if self._reading is not None:
                self._why = f"no answer within {READ_SECONDS:.0f} s"
            self._began = now
            self._reading = reading = _Reading(now)
        threading.Thread(
            target=self._read, args=(reading,), name="ordercast key set", daemon=True
        ).start()
        return reading

    def _wait(self, reading: _Reading | None) -> None:
        if reading is not None:
            reading.wait()

    def _read(self, reading: _Reading) -> None:
        keys: list[Key] = []
        why = ""
        try:
            keys = keys_of(self._fetch(self.url))
        except (OSError, ValueError) as exc:
            why = reason(exc)
        except Exception as exc:  # else the connects that wait never learn that the reading ended
            logger.exception("key set not read")
            why = type(exc).__name__
        before = {key.kid for key in self._keys}
        with self._lock:
            # Drop the result of a reading that was given up: the next one may have ended before it.
            if self._reading is reading:
                self._reading = None
                self._why = why
                if keys:
                    self._keys, self._read_at = tuple(keys), self._clock()
        reading.finish()
        KEY_SET_READINGS.labels("failed" if why else "ok").inc()
        if why:
            logger.warning("key set not read", extra={"reason": why, "kept": len(self._keys)})
        elif before != {key.kid for key in keys}:
            logger.info("key set read", extra={"count": len(keys)})


def fetched(url: str) -> object:
    """The JSON document at an http or https URL, in READ_SECONDS and MAX_BYTES. Proxies of the
    environment are used, redirects are not followed. Raises OSError, ValueError."""
    import http.client
    import json
    from urllib import request
    from urllib.error import HTTPError

    class Stay(request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            """None: a redirect could lead to another issuer's keys, or out of https."""

    deadline = time.monotonic() + READ_SECONDS
    headers = {"Accept": "application/json", "User-Agent": "ordercast"}
    asked = request.Request(url, headers=headers)  # noqa: S310 - http(s), as the settings check
    try:
        with request.build_opener(Stay).open(asked, timeout=READ_SECONDS) as answer:
            pieces, size = [], 0
            while piece := answer.read1(PIECE_BYTES):
                size += len(piece)
                pieces.append(piece)
                if size > MAX_BYTES:
                    raise ValueError(f"it is longer than {MAX_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise TimeoutError
    except HTTPError as exc:
        exc.close()
        what = "a redirect, which is not followed" if 300 <= exc.code < 400 else "no document"
        raise OSError(f"HTTP {exc.code}: {what}") from exc
    except http.client.HTTPException as exc:
        raise OSError(f"no HTTP answer: {type(exc).__name__}") from exc
    try:
        return json.loads(b"".join(pieces))
    except (ValueError, RecursionError) as exc:
        raise ValueError("it is no JSON") from exc


def reason(error: Exception) -> str:
    """Why a reading failed, in words, without passwords."""
    cause = getattr(error, "reason", error)  # of a URLError
    if isinstance(cause, TimeoutError):
        return f"no answer within {READ_SECONDS:.0f} s"
    if isinstance(cause, OSError) and cause.strerror:
        return redacted(cause.strerror)
    return redacted(str(cause)) or type(cause).__name__


def _listed(keys: Sequence[Key]) -> str:
    return ", ".join(sorted({name for key in keys for name in key.algorithms}))
