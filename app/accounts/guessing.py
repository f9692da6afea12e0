"""Passwords that are guessed first, and are therefore refused (NIST SP 800-63B, 3.1.1.2)."""

import string

from app.accounts.passwords import normalised

DEMO_PASSWORD = "ordercast-demo"  # noqa: S105 - of the demo accounts; printed and public

_WORDS = """
a aa aaa abc abcd abcde abcdef abcdefg access admin administrator adobe alexander america andrea
angel anthony apple arsenal asd asdf asdfg asdfgh asdfghjkl ashley asshole azerty babygirl
bailey barcelona baseball basketball batman blink buster butterfly changeme charlie cheese
chelsea chocolate computer cookie corvette dallas daniel default diamond dragon family ferrari
flower football forever freedom friends fuckyou gabriel george ginger google guest guitar hallo
hannah hardcore harley heather hello hockey hunter iloveyou internet jasmine jennifer jessica
jesus jordan joshua justin killer letmein liverpool login london lovely lovers loveme maggie
manager marina martin master matrix matthew maverick mercedes michael michelle midnight mickey
minecraft money monkey monster morgan mother motdepasse mustang naruto nicole ninja nothing
oracle orange ordercast pakistan pass passw passwd passwort password pepper phoenix pokemon
princess purple qazwsx qqq qwe qwer qwert qwerty qwertyuiop qwertz ranger raiders rainbow robert
root samantha samsung scooter secret security server shadow silver slipknot soccer spiderman
starwars steelers summer sunshine superman superstar support sweety system taylor teacher temp
tennis test testing thomas tigger trustno victoria welcome whatever william winner winter wizard
xxx yankees yellow zaq zaqxsw zxc zxcv zxcvb zxcvbn zxcvbnm
"""
_NUMBERS = """
11223344 1122334455 112233445566 147258369 159357456 159753456 20202020 31415926 741852963
789456123 963852741 987654321
"""
# The commonest passwords, without digits and signs before and behind.
WORDS = frozenset(_WORDS.split())
NUMBERS = frozenset(_NUMBERS.split())
ROWS = (  # rows of keyboards, the alphabet, well-known sequences
    string.digits * 2,
    string.ascii_lowercase,
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujm",
    "!@#$%^&*()",
    '!"§$%&/()=',
)
LEET = str.maketrans("01345789@$!+", "oieastbgasit")
AROUND = string.digits + string.punctuation + string.whitespace
MIN_BLOCK = 8  # characters; a password that repeats a shorter block is refused


def check_guessable(password: str, *, email: str = "") -> None:
    """Raises ValueError for a password that is tried first, by anybody or for this account."""
    text = normalised(password).casefold()
    if text == DEMO_PASSWORD or _is_common(text):
        raise ValueError("is one of those that are guessed first")
    if email and _is_of(text, normalised(email).casefold()):
        raise ValueError("must not be the e-mail address")


def _is_common(text: str) -> bool:
    core = text.strip(AROUND)
    return (
        text in NUMBERS
        or core in WORDS
        or core.translate(LEET) in WORDS
        or text.rstrip(AROUND).translate(LEET) in WORDS
        or any(text in row or text in row[::-1] for row in ROWS)
        or _repeats(text)
    )


def _repeats(text: str) -> bool:
    """Whether the text repeats a shorter block; the last repetition may be cut off."""
    return any(text[size:] == text[:-size] for size in range(1, min(MIN_BLOCK, len(text))))


def _is_of(text: str, email: str) -> bool:
    name, _, domain = email.partition("@")
    parts = {email, name, domain, domain.partition(".")[0]}
    return text in parts or text.strip(AROUND) in {part.strip(AROUND) for part in parts} - {""}
