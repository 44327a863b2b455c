"""Reading what is asked of the money side: every field named, bounded, and of its kind."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from integration.micro_his.billing.records import PLATFORM, WINDOW, BillShown, OrderedItem, Payment
from integration.micro_his.errors import InvalidRequest
from integration.micro_his.requests import optional_text, text_of
from kernel import clock

AMOUNT_FEN_MAX: Final = 100_000_000
QUANTITY_MAX: Final = 10_000
ITEMS_MAX: Final = 50
BILLS_MAX: Final = 50
REFUND_ITEMS_MAX: Final = 500
NAME_CHARACTERS_MAX: Final = 200

_NUMBER: Final = re.compile(r"[A-Za-z0-9_-]{6,64}", re.ASCII)
_HIS_NUMBER: Final = re.compile(r"[ABIRZ]\d{8,18}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KINDS: Final = ("prescription", "laboratory", "examination", "treatment")
_CHANNELS: Final = ("wechatpay", "alipay", "insurance", "cash", "card", "none")
_WINDOW_CHANNELS: Final = ("cash", "card")
_INSURED_KINDS: Final = ("310", "390")
_PLACE: Final = re.compile(r"[0-9]{6}", re.ASCII)


def number_of(given: Mapping[str, Any], field: str) -> str:
    """A settlement, deposit or refund number of the platform's.

    Raises:
        InvalidRequest: missing, or not of its form.
    """
    text = text_of(given, field)
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest(field=field)
    return text


def his_number_of(given: Mapping[str, Any], field: str) -> str:
    """A number of ours: of a bill, an item, a receipt, an approval or an admission.

    Raises:
        InvalidRequest: missing, or not of its form.
    """
    text = text_of(given, field)
    if not _HIS_NUMBER.fullmatch(text):
        raise InvalidRequest(field=field)
    return text


def his_numbers_of(given: Mapping[str, Any], field: str, *, most: int) -> list[str]:
    """Several numbers of ours, each once.

    Raises:
        InvalidRequest: not a list, empty, too long, or one of them is not of its form or stands twice.
    """
    values = given.get(field)
    if not isinstance(values, list) or not 1 <= len(values) <= most:
        raise InvalidRequest(field=field)
    numbers = [his_number_of({field: value}, field) for value in values]
    if len(set(numbers)) < len(numbers):
        raise InvalidRequest(field=field)
    return numbers


def amount_of(given: Mapping[str, Any], field: str, *, least: int = 0) -> int:
    """An amount in fen.

    Raises:
        InvalidRequest: not a whole number within bounds.
    """
    return whole_of(given, field, least=least, most=AMOUNT_FEN_MAX)


def whole_of(given: Mapping[str, Any], field: str, *, least: int, most: int) -> int:
    """A whole number.

    Raises:
        InvalidRequest: none, or out of bounds.
    """
    value = given.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidRequest(field=field)
    return value


def choice_of(given: Mapping[str, Any], field: str, choices: tuple[str, ...]) -> str:
    """One of some words.

    Raises:
        InvalidRequest: another one.
    """
    text = text_of(given, field)
    if text not in choices:
        raise InvalidRequest(field=field)
    return text


def kind_of(given: Mapping[str, Any]) -> str:
    """What kind of order it is.

    Raises:
        InvalidRequest: an unknown one.
    """
    return choice_of(given, "kind", _KINDS)


def insured_kind_of(given: Mapping[str, Any]) -> str:
    """As what somebody is insured: employed (310) or resident (390).

    Raises:
        InvalidRequest: another kind.
    """
    return choice_of(given, "kind", _INSURED_KINDS)


def place_of(given: Mapping[str, Any], field: str) -> str:
    """An administrative division, in six digits.

    Raises:
        InvalidRequest: not one.
    """
    text = text_of(given, field)
    if not _PLACE.fullmatch(text):
        raise InvalidRequest(field=field)
    return text


def past_day_of(given: Mapping[str, Any], field: str) -> date:
    """A day up to today (Asia/Shanghai).

    Raises:
        InvalidRequest: not a date as YYYY-MM-DD, or of the future.
    """
    try:
        day = date.fromisoformat(text_of(given, field))
    except ValueError as error:
        raise InvalidRequest(field=field) from error
    if day > clock.today():
        raise InvalidRequest(field=field)
    return day


def items_of(given: object) -> list[OrderedItem]:
    """What is ordered or charged.

    Raises:
        InvalidRequest: none, too many, or a field that cannot be meant.
    """
    if not isinstance(given, list) or not 1 <= len(given) <= ITEMS_MAX:
        raise InvalidRequest(field="items")
    items = [_item_of(one) for one in given]
    if sum(item.unit_price_fen * item.quantity for item in items) > AMOUNT_FEN_MAX:
        raise InvalidRequest(field="items")
    return items


def _item_of(given: object) -> OrderedItem:
    known = {
        "code", "name", "specification", "unit", "quantity", "unit_price_fen", "insurance_percent",
        "executing_department",
    }  # fmt: skip
    if not isinstance(given, dict) or not given.keys() <= known:
        raise InvalidRequest(field="items")
    has_percent = given.get("insurance_percent") is not None
    return OrderedItem(
        code=text_of(given, "code"),
        name=text_of(given, "name", most=NAME_CHARACTERS_MAX),
        specification=optional_text(given, "specification") or "",
        unit=text_of(given, "unit"),
        quantity=whole_of(given, "quantity", least=1, most=QUANTITY_MAX),
        unit_price_fen=amount_of(given, "unit_price_fen", least=1),
        insurance_percent=whole_of(given, "insurance_percent", least=0, most=100) if has_percent else None,
        executing_department=text_of(given, "executing_department"),
    )


def bills_shown_of(given: object) -> list[BillShown]:
    """The bills of a settlement, as the payer saw them.

    Raises:
        InvalidRequest: none, too many, one twice, or no hash of ours.
    """
    if not isinstance(given, list) or not 1 <= len(given) <= BILLS_MAX:
        raise InvalidRequest(field="bills")
    shown = []
    for one in given:
        if not isinstance(one, dict) or one.keys() != {"bill_no", "hash"}:
            raise InvalidRequest(field="bills")
        if not isinstance(one["hash"], str) or not _HASH.fullmatch(one["hash"]):
            raise InvalidRequest(field="bills.hash")
        shown.append(BillShown(his_number_of(one, "bill_no"), one["hash"]))
    if len({one.bill_no for one in shown}) < len(shown):
        raise InvalidRequest(field="bills")
    return sorted(shown, key=lambda one: one.bill_no)


def platform_payment_of(body: Mapping[str, Any], *, kind: str, number_field: str, cash_least: int = 0) -> Payment:
    """Money as the platform tells of it; a repeat has to say the same in every field.

    Raises:
        InvalidRequest.
    """
    number = number_of(body, number_field)
    cash_fen = amount_of(body, "cash_fen", least=cash_least)
    insurance_fen = amount_of(body, "insurance_fen") if body.get("insurance_fen") is not None else 0
    channel = choice_of(body, "channel", _CHANNELS)
    transaction_no = optional_text(body, "transaction_no") or ""
    if (cash_fen == 0 and insurance_fen == 0) != (channel == "none"):
        raise InvalidRequest(field="channel")
    insurance_no = optional_text(body, "insurance_no")
    account_fen = amount_of(body, "account_fen") if body.get("account_fen") is not None else 0
    if account_fen > (insurance_fen if insurance_no is not None else 0):
        raise InvalidRequest(field="account_fen")
    content = {name: value for name, value in body.items() if name != number_field and value is not None}
    if isinstance(content.get("bills"), list):
        content["bills"] = sorted(content["bills"], key=lambda one: str(one["bill_no"]))
    content |= {"kind": kind, "insurance_fen": insurance_fen, "transaction_no": transaction_no}
    return Payment(
        source=PLATFORM,
        number=number,
        channel=channel,
        transaction_no=transaction_no,
        cash_fen=cash_fen,
        insurance_fen=insurance_fen,
        made_by="platform",
        insurance_no=insurance_no,
        account_fen=account_fen,
        request=content,
    )


def window_payment_of(body: Mapping[str, Any], *, kind: str) -> Payment:
    """Money at our window: cash or card, all by the payer.

    Raises:
        InvalidRequest.
    """
    request_id = optional_text(body, "request_id")
    content = {name: value for name, value in body.items() if name != "request_id" and value is not None}
    return Payment(
        source=WINDOW,
        # No number of the platform's has a colon.
        number=f"window:{request_id}" if request_id is not None else None,
        channel=choice_of(body, "channel", _WINDOW_CHANNELS),
        transaction_no=optional_text(body, "transaction_no") or "",
        cash_fen=amount_of(body, "cash_fen", least=1),
        insurance_fen=0,
        made_by=text_of(body, "clerk"),
        request=content | {"kind": kind},
    )
