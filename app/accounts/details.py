"""The details of an account, validated the same way over HTTP and in commands."""

import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from app.accounts.addresses import compared
from app.accounts.attempts import MAX_EMAIL_CHARACTERS
from app.accounts.guessing import check_guessable
from app.accounts.passwords import normalised
from app.text import no_nul, single_line

MIN_PASSWORD_CHARACTERS = 8  # NIST SP 800-63B section 3.1.1.2
MAX_PASSWORD_CHARACTERS = 1024
# The addresses of RFC 5321 in use: no quotes, comments or address literals; any script (RFC 6531).
_LOCAL = re.compile(r"[^@\s()<>\[\]:;,\\\"]+")
_LABEL = re.compile(r"(?!-)[^@\s()<>\[\]:;,\\\"]+(?<!-)")


def _address(text: str) -> str:
    name, _, domain = text.partition("@")
    labels = domain.split(".")
    if not (text.isprintable() and _LOCAL.fullmatch(name) and all(map(_LABEL.fullmatch, labels))):
        raise ValueError("must be an e-mail address")
    form = compared(text)
    if len(form) > MAX_EMAIL_CHARACTERS:
        raise ValueError(f"must have at most {MAX_EMAIL_CHARACTERS} characters")
    return form


def _long_enough(text: str) -> str:
    if len(normalised(text)) < MIN_PASSWORD_CHARACTERS:
        raise ValueError(f"must have at least {MIN_PASSWORD_CHARACTERS} characters")
    return text


Email = Annotated[str, StringConstraints(max_length=MAX_EMAIL_CHARACTERS), AfterValidator(_address)]
Password = Annotated[
    str,
    StringConstraints(min_length=MIN_PASSWORD_CHARACTERS, max_length=MAX_PASSWORD_CHARACTERS),
    AfterValidator(no_nul),
    AfterValidator(_long_enough),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1),
    AfterValidator(single_line),
    Field(max_length=100),
]


class NewPassword(BaseModel):
    """A password for the account with this address."""

    email: str
    password: Password

    @field_validator("password")
    @classmethod
    def _is_not_guessed_first(cls, password: str, info: ValidationInfo) -> str:
        check_guessable(password, email=info.data.get("email", ""))
        return password


class AccountDetails(NewPassword):
    """The details of a new account."""

    email: Email
    name: Name
