"""Which passwords are refused because they are guessed first."""

import pytest

from app.accounts.guessing import check_guessable

COMMON = """
password Password PASSWORD1 Password123! passw0rd P@ssw0rd! Pa$$word 12345678 123456789
1234567890 87654321 11111111 aaaaaaaa abababab abcabcabc 12341234 abcdefgh qwertyui qwertyuiop
QWERTY123 asdfghjkl zxcvbnm1 1q2w3e4r 1qaz2wsx q1w2e3r4 iloveyou letmein1 welcome1 Welcome2026
admin123 administrator changeme monkey12 dragon99 football! sunshine princess trustno1 11223344
147258369 987654321 passwort passw0rt monkeymonkey superman1 abc12345 qwerty12345 ordercast-demo
ORDERCAST-DEMO $3cret123
"""
FULL_WIDTH = "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44"
GOOD = [
    "correct horse battery",
    "long enough",
    "a much longer one",
    "xK9#mQ2$vL",
    "d3b07384d113edec49eaa6238ad5ff00",
    "\u043f\u0430\u0440\u043e\u043b\u044c \u0434\u043b\u044f \u0447\u0430\u044f",
    "passwords are silly",
    "teapot-iron-7",
    "ordercast-demo-2",
]


@pytest.mark.parametrize("password", [*COMMON.split(), FULL_WIDTH], ids=ascii)
def test_what_is_tried_first_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="guessed first") as caught:
        check_guessable(password)
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", GOOD)
def test_anything_else_is_a_password(password: str) -> None:
    check_guessable(password, email="alice@example.com")


@pytest.mark.parametrize(
    "password",
    ["alice.miller@example.com", "ALICE.Miller@example.com", "alice.miller", "Alice.Miller1!"],
)
def test_the_address_is_no_password(password: str) -> None:
    with pytest.raises(ValueError, match="must not be the e-mail address"):
        check_guessable(password, email="alice.miller@example.com")
