"""What of an entry is searched, and what is looked for when somebody types something."""

import re
from enum import IntEnum
from typing import Final

from booking.catalogue.pinyin import normalise_latin

# As indexed by migrations/0009_search.sql: an index serves only the very same expression.
DEPARTMENT_TEXT: Final = "lower(d.name_zh || ' ' || d.pinyin || ' ' || d.initials || ' ' || d.name_en)"
PRACTITIONER_TEXT: Final = "lower(p.name || ' ' || p.pinyin || ' ' || p.initials || ' ' || p.keywords)"

# One character alone is found as it stands.
_CHINESE: Final = re.compile("[\u4e00-\u9fff]{2,}")


class Fit(IntEnum):
    """How well an entry fits what was typed, the best first."""

    WHOLE = 0
    EVERYDAY = 1
    """What was typed is an everyday word for the department."""
    BEGINNING = 2
    WITHIN = 3
    TREATED = 4
    """Somebody there treats it."""
    EVERYDAY_PART = 5
    """It begins an everyday word, or holds one."""
    IN_ORDER = 6
    """Its characters stand in the name in this order, with others between: 心内科 in 心血管内科."""


def fits(text: str, form: str) -> str:
    """Give the condition that an entry's text holds a form; the index narrows it down, strpos decides."""
    return f"search_grams({text}) @> search_grams({form}) AND strpos({text}, {form}) > 0"


def rank(text: str, form: str) -> str:
    """Give the expression of how well a form fits: a whole word, the beginning of one, or somewhere in it."""
    return (
        f"CASE WHEN strpos(' ' || {text} || ' ', ' ' || {form} || ' ') > 0 THEN {Fit.WHOLE:d}"
        f" WHEN strpos(' ' || {text}, ' ' || {form}) > 0 THEN {Fit.BEGINNING:d} ELSE {Fit.WITHIN:d} END"
    )


def query_forms(text: str) -> list[str]:
    """Give what to look for: the text as typed, and as pinyin is stored (`Zeng Xiaoming` is `zengxiaoming` there)."""
    typed = " ".join(text.lower().split())
    return list(dict.fromkeys(form for form in (typed, normalise_latin(text)) if form))


def in_order(text: str) -> str:
    """Give the pattern of names that hold the Chinese characters of a text in their order; empty for other texts."""
    return f"%{'%'.join(text)}%" if _CHINESE.fullmatch(text) else ""
