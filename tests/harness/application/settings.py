"""Reading settings from an environment that has the one value without a default."""

from typing import Any

import pytest

from app.config import ConfigError, load

GOOD = {"JWT_SECRET_KEY": "a-secret-for-the-tests-that-is-long-enough"}


def setting(name: str, text: str) -> Any:
    """What this text in the environment means."""
    return getattr(load({**GOOD, name: text}), name)


def complaint(**variables: str) -> str:
    """The one line with which the start stops."""
    with pytest.raises(ConfigError) as caught:
        load({**GOOD, **variables})
    line = str(caught.value)
    assert "\n" not in line
    return line
