"""What of an entry is searched, and what is looked for when somebody types something."""

from typing import Final

from booking.catalogue.pinyin import normalise_latin

# As indexed by migrations/0009_search.sql: an index serves only the very same expression.
DEPARTMENT_TEXT: Final = "lower(d.name_zh || ' ' || d.pinyin || ' ' || d.initials || ' ' || d.name_en)"
PRACTITIONER_TEXT: Final = "lower(p.name || ' ' || p.pinyin || ' ' || p.initials || ' ' || p.keywords)"


def fits(text: str, form: str) -> str:
    """Give the condition that an entry's text holds a form; the index narrows it down, strpos decides."""
    return f"search_grams({text}) @> search_grams({form}) AND strpos({text}, {form}) > 0"


def rank(text: str, form: str) -> str:
    """Give the expression of how well a form fits: 0 a whole word, 1 the beginning of one, 2 somewhere in it."""
    return (
        f"CASE WHEN strpos(' ' || {text} || ' ', ' ' || {form} || ' ') > 0 THEN 0"
        f" WHEN strpos(' ' || {text}, ' ' || {form}) > 0 THEN 1 ELSE 2 END"
    )


def query_forms(text: str) -> list[str]:
    """Give what to look for: the text as typed, and as pinyin is stored (`Zeng Xiaoming` is `zengxiaoming` there)."""
    typed = " ".join(text.lower().split())
    return list(dict.fromkeys(form for form in (typed, normalise_latin(text)) if form))
