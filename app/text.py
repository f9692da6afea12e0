"""Characters of a person's or product's name: the text of any script.

Spaces of every width and the joiners U+200C and U+200D are allowed: Persian, Indic scripts and
families of emoji need them. Invisible characters that change the text around them are refused:
control characters and line breaks, marks that turn the direction of text, invisible formatting,
surrogates. So is a name without any visible character.
"""

import unicodedata

ZWNJ, ZWJ = "\u200c", "\u200d"
FLAG, TAGS, END_OF_TAGS = "\U0001f3f4", range(0xE0020, 0xE007F), "\U000e007f"

# Invisible, though letters or signs by category: the Hangul fillers and the empty Braille cell.
BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Reserved for invisible characters (Default_Ignorable_Code_Point), not for letters of later years.
RESERVED = (range(0x2065, 0x2066), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000))


def no_nul(text: str) -> str:
    """The text, if a database can store it. Raises ValueError."""
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def single_line(text: str) -> str:
    """The text, if it is fit to be a name or a title. Raises ValueError."""
    if not all(map(_is_allowed, _without_flags(text))):
        raise ValueError("must be one line without control characters or invisible ones")
    if not any(map(_is_seen, text)):
        raise ValueError("must hold something that can be seen")
    return text


def _is_allowed(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cn":  # not assigned in this Python's Unicode, as an emoji of next year
        return not _is_reserved(ord(character))
    return category not in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") or character in (ZWNJ, ZWJ)


def _is_seen(character: str) -> bool:
    category = unicodedata.category(character)
    return character not in BLANK and (category[0] in "LNPS" or category == "Cn")


def _is_reserved(code: int) -> bool:
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return noncharacter or any(code in reserved for reserved in RESERVED)


def _without_flags(text: str) -> str:
    """The text without the tags that spell a region's flag: 🏴 with "gbsct" is Scotland's."""
    kept, in_flag = [], False
    for character in text:
        if in_flag and ord(character) in TAGS:
            continue
        if in_flag and character == END_OF_TAGS:
            in_flag = False
            continue
        in_flag = character == FLAG
        kept.append(character)
    return "".join(kept)
