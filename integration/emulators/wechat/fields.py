"""What a subscribe message's fields may hold, by the kind that their name begins with.

https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from integration.emulators.wechat.errors import WireError

_CLOCK: Final = r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_MONTH: Final = r"(0?[1-9]|1[0-2])"
_DAY: Final = r"(0?[1-9]|[12][0-9]|3[01])"
_DAYS: Final = rf"[0-9]{{4}}年{_MONTH}月({_DAY}日)?|{_MONTH}月{_DAY}日|[0-9]{{4}}[-/.]{_MONTH}[-/.]{_DAY}"
_HAN: Final = r"㐀-䶿一-鿿·"
_MOMENT: Final = rf"(({_DAYS})\s*)?{_CLOCK}"
_DATE: Final = rf"({_DAYS})(\s*{_CLOCK})?"

KINDS: Final[Mapping[str, re.Pattern[str]]] = {
    kind: re.compile(pattern)
    for kind, pattern in {
        "thing": r"[^\x00-\x1f\x7f]{1,20}",
        "number": r"(?=.{1,32}$)-?[0-9]+(\.[0-9]+)?",
        "letter": r"[A-Za-z]{1,32}",
        "symbol": r"[^\w\s]{1,5}",
        "character_string": r"[!-~]{1,32}",
        "time": rf"{_MOMENT}(\s*~\s*{_MOMENT})?",
        "date": rf"{_DATE}(\s*~\s*{_DATE})?",
        "amount": r"[¥￥$€£]?[0-9]{1,10}(\.[0-9]+)?元?",
        "phone_number": r"[0-9+\-() ]{1,17}",
        "car_number": rf"[{_HAN}A-Za-z0-9]{{1,8}}",
        "name": rf"[A-Za-z .'\-]{{1,20}}|[{_HAN}A-Za-z .'\-]{{1,10}}",
        "phrase": rf"[{_HAN}]{{1,5}}",
        "const": r"[^\x00-\x1f\x7f]{1,20}",
    }.items()
}
_FIELD: Final = re.compile(r"([a-z_]+?)[0-9]{1,2}", re.ASCII)


def kind_of(name: str) -> str | None:
    """Tell the kind of a field by its name (`thing1`), or None where there is no such kind."""
    match = _FIELD.fullmatch(name)
    return match[1] if match and match[1] in KINDS else None


def read_data(data: object, wanted: Sequence[str]) -> dict[str, str]:
    """Read a message's fields, in the template's order.

    Raises:
        WireError: 47003 and the field; one that the template does not have is refused too, so that nobody relies on it.
    """
    if not isinstance(data, dict):
        raise WireError(47003, "data is empty")
    for name in data:
        if name not in wanted:
            raise WireError(47003, f"data.{name}.value invalid")
    return {name: _read(data, name) for name in wanted}


def _read(data: Mapping[str, Any], name: str) -> str:
    given = data.get(name)
    value = given.get("value") if isinstance(given, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise WireError(47003, f"data.{name}.value is empty")
    kind = kind_of(name)
    assert kind is not None, "templates are looked through when they are registered"
    if not KINDS[kind].fullmatch(str(value)):
        raise WireError(47003, f"data.{name}.value invalid")
    return str(value)
