"""The errors that a caller can answer for, each with its code.

    OrdercastError
      EventError
        Refused                   refused_event            an event that can never be accepted
        InvalidEvent              invalid_event            a payload that does not fit its event
        InboxUnavailable          inbox_unavailable        Redis did not confirm the event
        Inexpressible             inexpressible_event      a payload without a schema or a type
      LedgerUnavailable             ledger_unavailable       the list of connections cannot be read
      SocketError
        Refuse                    refused                  a connect; with a code of its own
          AuthenticationRequired  authentication_required
          TokenError
            TokenInvalid          token_invalid
            TokenExpired          token_expired            another token of the user may be good
            TokenRevoked          token_revoked
          TooManyConnections      too_many_connections     of one user in one process
          Unavailable             unavailable              the database does not answer
        KeysUnavailable           keys_unavailable         the issuer's keys were never read
        NotConnected              not_connected            `auth:refresh` outside of a connection
        WrongUser                 wrong_user               `auth:refresh`, another user's token
        BadOffset                 bad_offset               `ordercast:ack`, no offset that was sent

`code` is part of the contract, and stands here once. A service's own errors derive from
OrdercastError; which status an error has over HTTP is the service's to say.
"""

from typing import Any, ClassVar

from pydantic import ValidationError

from ordercast.complaints import complaints_of, sentence_of


class OrdercastError(Exception):
    """An error with a code; `details` is plain JSON or None."""

    code: str

    def __init__(self, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class EventError(OrdercastError, ValueError):
    """The root of the errors about an event."""


class Refused(EventError):
    """An event that can never be accepted; the text is the reason."""

    code = "refused_event"


class InvalidEvent(EventError):
    """The payload is not what the event of this name declares. `details`: [{path, message}]."""

    code = "invalid_event"

    def __init__(self, name: str, cause: ValidationError) -> None:
        super().__init__(f"{name}: {sentence_of(cause, 'payload')}", complaints_of(cause))


class InboxUnavailable(EventError):
    """Redis did not confirm the event; the text says what happened. After a timeout Redis may have
    the event all the same: with an id, sending it again is harmless."""

    code = "inbox_unavailable"


class Inexpressible(EventError):
    """A declared payload has a part that JSON Schema or TypeScript has no type for; the text names
    the event and the field."""

    code = "inexpressible_event"


class LedgerUnavailable(OrdercastError):
    """What the processes wrote of their connections cannot be read: Redis does not answer, or
    LEDGER_SECONDS is 0. The text says which."""

    code = "ledger_unavailable"


class SocketError(OrdercastError):
    """The root of the errors that a Socket.IO client is sent, in a connect_error or in the
    acknowledgement of `auth:refresh`: `told` and `code`."""

    @property
    def told(self) -> str:
        """The message for the client."""
        return self.message


class Refuse(SocketError):
    """A connect is refused: `raise Refuse("No such shop", code="unknown_shop")` is a connect_error
    with this message and `err.data` {code}. A stock client does not try again by itself."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code

    @property
    def reason(self) -> str:
        """Why, in words, for the log."""
        return self.message

    @property
    def data(self) -> dict[str, str] | None:
        """`err.data` of the connect_error."""
        return {"code": self.code}


class AuthenticationRequired(Refuse):
    """No token was given."""

    code = "authentication_required"

    def __init__(self) -> None:
        super().__init__("Authentication required")

    @property
    def data(self) -> None:
        """None: the message says all."""
        return


class TokenError(Refuse):
    """The token cannot be accepted. A Socket.IO client is told `Invalid token`, and the code.

    `reason`: why, in words, for the log; never a part of the token that could be used.
    """

    text: ClassVar[str]

    def __init__(self, reason: str = "") -> None:
        super().__init__(self.text)
        self._reason = reason

    @property
    def reason(self) -> str:
        return self._reason

    @property
    def told(self) -> str:
        return "Invalid token"


class TokenInvalid(TokenError):
    code = "token_invalid"
    text = "The token is malformed, wrongly signed or of the wrong type."


class TokenExpired(TokenError):
    """Another token of the same user may be good: a connection with such a token ends by closing
    its transport, and the client comes back with another token."""

    code = "token_expired"
    text = "The token has expired."


class TokenRevoked(TokenError):
    code = "token_revoked"
    text = "The token has been revoked."


class TooManyConnections(Refuse):
    """The user has as many as MAX_CONNECTIONS_PER_USER allows, in this process."""

    code = "too_many_connections"

    def __init__(self) -> None:
        super().__init__("Too many connections")


class Unavailable(Refuse):
    """The identity could not be checked: the database does not answer."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__("Service unavailable")


class KeysUnavailable(SocketError):
    """No token can be checked now: the key set of JWT_JWKS_URL was never read. No Refuse: the
    transport is closed, and the client comes back by itself. `reason`: why, in words."""

    code = "keys_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__("The keys of the tokens' issuer cannot be read now; try again.")
        self.reason = reason


class NotConnected(SocketError):
    code = "not_connected"

    def __init__(self) -> None:
        super().__init__("Not connected")


class BadOffset(SocketError):
    code = "bad_offset"

    def __init__(self) -> None:
        super().__init__("Not an offset that was sent")


class WrongUser(SocketError):
    """The token is good, and another user's."""

    code = "wrong_user"

    def __init__(self) -> None:
        super().__init__("The token is another user's")
