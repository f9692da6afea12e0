"""Hiding the passwords of URLs in a text that is shown or logged."""

import re

# From the scheme to the last @ before a space, a quote or the end: a password may hold / and @.
_IN_AUTHORITY = re.compile(r"(\w://[^\s\"'/:@]*):[^\s\"']*@")
_IN_QUERY = re.compile(r"([?&][^\s\"'=&]*pass[^\s\"'=&]*=)[^\s\"'&]+", re.IGNORECASE)
HIDDEN = "***"


def redacted(text: str) -> str:
    """The text with every URL's password as ***, in its authority or its query."""
    if "://" not in text:
        return text
    return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_AUTHORITY.sub(rf"\1:{HIDDEN}@", text))
