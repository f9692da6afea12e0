"""E-mail addresses in the form in which they are compared and stored: lower case, in Unicode's NFC.

Keyboards compose the same letters differently: "é" is one character or two. NFC and not NFKC, which
passwords have: it changes no address into that of another mailbox.
"""

import unicodedata

from sqlalchemy import Select, select

from app.accounts.models import User


def compared(email: str) -> str:
    """The form of this address. It can be longer: U+0130 becomes two characters."""
    # Lower case can leave marks that compose with the letter before them: the form is made last.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email).lower())


def account_of(email: str) -> Select[User]:
    """Selects the account with this address.

    Before migration 0010 two accounts could have one address in two forms. Of these one keeps the
    form in which it was registered: an exact match comes first.
    """
    exact, form = email.lower(), compared(email)
    if exact == form:
        return select(User).where(User.email == form)
    return select(User).where(User.email.in_((exact, form))).order_by(User.email == form).limit(1)
