"""From facts to words: the hospital's templates filled in, in Chinese and English, and for WeChat's fields.

A template is text with names in braces (`{starts_at}`); there is nothing else in it to be carried out. WeChat's fields
have kinds with rules of their own (mini-program documentation, "subscribe message, parameter rules"): values are
brought into them by cutting off, never by leaving the message unsent.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Final, Literal

from kernel import clock
from kernel.money import format_yuan
from notifications.kinds import Fact, Facts, Fen, Words

Language = Literal["zh", "en"]

_NAME: Final = re.compile(r"\{([a-z_]{1,40})\}")
_FIELD: Final = re.compile(
    r"(thing|number|letter|symbol|character_string|time|date|amount|phone_number|car_number|name|phrase|short_thing)"
    r"([1-9][0-9]?)"
)
_WEEKDAYS: Final = "一二三四五六日"
LENGTHS: Final[Mapping[str, int]] = {
    "thing": 20,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "time": 32,
    "date": 32,
    "amount": 13,
    "phone_number": 17,
    "car_number": 8,
    "name": 10,
    "phrase": 5,
    "short_thing": 10,
}
"""The most characters that WeChat takes in a field of each kind."""
ELLIPSIS: Final = "…"
_CUT: Final = frozenset({"thing", "name", "phrase", "short_thing", "character_string"})


def names_in(text: str) -> set[str]:
    """List the placeholders of a template."""
    return set(_NAME.findall(text))


def has_stray_braces(text: str) -> bool:
    """Tell whether a brace stands for nothing: somebody has mistyped a placeholder."""
    return any(brace in _NAME.sub("", text) for brace in "{}")


def fill(template: str, facts: Facts, language: Language) -> str:
    """Fill a template in; a name that has no fact becomes nothing, for a template may be older than its kind."""
    return _NAME.sub(lambda found: _say(facts.get(found[1], ""), language), template)


def number_names(template: str) -> str:
    """Write a template as it is registered with a gateway for short messages: {1}, {2}, ... in the text's order."""
    places = count(1)
    return _NAME.sub(lambda _: f"{{{next(places)}}}", template)


def fill_numbers(template: str, facts: Facts) -> list[str]:
    """Give what stands for {1}, {2}, ... in a registered template, in Chinese; the gateway refuses an empty value."""
    return [_say(facts.get(name, ""), "zh").strip() or "-" for name in _NAME.findall(template)]


def field_kind(field: str) -> str | None:
    """Give the kind of a WeChat field (`thing1`: thing); None: no such field."""
    found = _FIELD.fullmatch(field)
    return found[1] if found else None


def fill_fields(fields: Mapping[str, str], facts: Facts) -> dict[str, str]:
    """Fill WeChat's fields in, each as its kind wants it."""
    return {field: _fit(field_kind(field) or "thing", template, facts) for field, template in fields.items()}


def _fit(kind: str, template: str, facts: Facts) -> str:
    only = _NAME.fullmatch(template)
    if only is not None and isinstance(fact := facts.get(only[1]), datetime) and kind in ("time", "date"):
        # 2019年10月1日 15:01, and 2019年10月1日 for a date.
        local = fact.astimezone(clock.SHANGHAI)
        day = f"{local.year}年{local.month}月{local.day}日"
        return day if kind == "date" else f"{day} {local:%H:%M}"
    # WeChat refuses an empty field.
    text = fill(template, facts, "zh").strip() or "-"
    most = LENGTHS[kind]
    if len(text) <= most:
        return text
    return text[: most - 1] + ELLIPSIS if kind in _CUT - {"character_string", "phrase"} else text[:most]


def _say(fact: Fact, language: Language) -> str:
    if isinstance(fact, Words):
        return fact.zh if language == "zh" else fact.en
    if isinstance(fact, Fen):
        return format_yuan(fact.fen)
    if isinstance(fact, datetime):
        local = fact.astimezone(clock.SHANGHAI)
        if language == "en":
            return f"{local:%a} {local.day} {local:%b %H:%M}"
        return f"{local.month}月{local.day}日（周{_WEEKDAYS[local.weekday()]}）{local:%H:%M}"
    return str(fact)


def mask_name(name: str) -> str:
    """Show a name as a waiting room does: the first character, and a star for each of the rest (two at most)."""
    return name[:1] + "*" * min(2, max(1, len(name) - 1))


def store(facts: Facts) -> dict[str, object]:
    """Write facts as JSON has them, with their kinds."""
    stored: dict[str, object] = {}
    for name, fact in facts.items():
        if isinstance(fact, Words):
            stored[name] = {"zh": fact.zh, "en": fact.en}
        elif isinstance(fact, Fen):
            stored[name] = {"fen": fact.fen}
        elif isinstance(fact, datetime):
            stored[name] = {"at": fact.isoformat()}
        else:
            stored[name] = fact
    return stored


def read(stored: Mapping[str, object]) -> dict[str, Fact]:
    """Read what `store` wrote."""
    return {name: _read(value) for name, value in stored.items()}


def _read(value: object) -> Fact:
    if isinstance(value, dict):
        if "zh" in value:
            return Words(value["zh"], value["en"])
        if "fen" in value:
            return Fen(value["fen"])
        return datetime.fromisoformat(value["at"])
    assert isinstance(value, str | int), "facts are stored by `store`"
    return value


def unknown_names(texts: Sequence[str | None], known: Mapping[str, object]) -> list[str]:
    """List the names that templates use and their kind has no fact for."""
    return sorted({name for text in texts if text for name in names_in(text)} - set(known))
