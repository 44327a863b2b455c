"""Names as people write them: one name has many spellings in characters, and none may hide a difference.

A name of a minority or of a foreigner is joined by a middle dot, for which keyboards give several characters;
GB/T 2312-based systems and documents use U+00B7.
"""

import unicodedata
from typing import Final

_MIDDLE_DOT: Final = "\u00b7"
_DOTS: Final = dict.fromkeys(map(ord, "\u2022\u2027\u2219\u22c5\u30fb\uff65"), _MIDDLE_DOT)


def clean_name(name: str) -> str:
    """Write a name in one way: composed characters, single spaces, one middle dot, nothing invisible."""
    visible = "".join(letter for letter in unicodedata.normalize("NFC", name) if unicodedata.category(letter) != "Cf")
    return " ".join(visible.translate(_DOTS).split())


def is_same_name(one: str, other: str) -> bool:
    """Tell whether two spellings are one name; capital letters make no difference."""
    return clean_name(one).casefold() == clean_name(other).casefold()
