"""What a medical-insurance order and the report of its refund may hold (医保自费混合收款).

https://pay.weixin.qq.com/doc/v3/merchant/4016781510
"""

from dataclasses import dataclass
from typing import Any, Final

from integration.emulators.wechatpay.accounts import Account, Signer
from integration.emulators.wechatpay.errors import WireError, invalid_request, parameter_error
from integration.emulators.wechatpay.fields import AMOUNT_FEN_MAX, instant, optional_text, order_number, text
from integration.emulators.wechatpay.signing import decrypt_field

MIX_TYPES: Final = ("CASH_ONLY", "INSURANCE_ONLY", "CASH_AND_INSURANCE")
ORDER_TYPES: Final = ("REG_PAY", "DIAG_PAY", "IN_HOSP_PAY", "PHARMACY_PAY", "INSURANCE_PAY", "MED_PAY")
CARD_TYPES: Final = (
    "ID_CARD",
    "HOUSEHOLD_REGISTRATION",
    "FOREIGNER_PASSPORT",
    "MAINLAND_TRAVEL_PERMIT_FOR_TW",
    "MAINLAND_TRAVEL_PERMIT_FOR_MO",
    "MAINLAND_TRAVEL_PERMIT_FOR_HK",
    "FOREIGN_PERMANENT_RESIDENT",
)
ADD_TYPES: Final = ("DEFAULT_ADD_TYPE", "FREIGHT", "OTHER_MEDICAL_EXPENSES")
REDUCE_TYPES: Final = (
    "DEFAULT_REDUCE_TYPE",
    "HOSPITAL_REDUCE",
    "PHARMACY_DISCOUNT",
    "DISCOUNT",
    "PRE_PAYMENT",
    "DEPOSIT_DEDUCTION",
)
DETAILS_MAX: Final = 20
ECHOED: Final = (
    "mix_pay_type", "order_type", "appid", "openid", "out_trade_no", "serial_no", "pay_order_id", "pay_auth_no",
    "geo_location", "city_id", "med_inst_name", "med_inst_no", "med_ins_order_create_time", "total_fee",
    "med_ins_gov_fee", "med_ins_self_fee", "med_ins_other_fee", "med_ins_cash_fee", "wechat_pay_cash_fee",
    "cash_add_detail", "cash_reduce_detail", "callback_url", "prepay_id", "passthrough_request_content", "extends",
    "attach", "channel_no", "med_ins_test_env",
)  # fmt: skip
"""What an answer repeats; the payer's name and digest are not among them."""


@dataclass(frozen=True, slots=True)
class MixedAsked:
    """A mixed order that adds up; `shown` is what answers repeat."""

    mix_type: str
    out_trade_no: str
    cash_fen: int
    insurance_fen: int
    callback_url: str
    prepay_id: str | None
    shown: dict[str, Any]


@dataclass(frozen=True, slots=True)
class InsuranceRefund:
    """What the insurance took back, as the hospital reports it."""

    out_refund_no: str
    total_fen: int


def read_mixed(body: dict[str, Any], account: Account, signer: Signer) -> MixedAsked:
    """Read a mixed order; its payer is sealed under the key that the request names. Raises: WireError."""
    if text(body, "appid", 32) not in account.app_ids:
        raise WireError(400, "APPID_MCHID_NOT_MATCH", "AppID和mch_id不匹配")
    mix_type = _one_of(body, "mix_pay_type", MIX_TYPES)
    _one_of(body, "order_type", ORDER_TYPES)
    text(body, "openid", 128)
    _require_payer(body.get("payer"), signer)
    for name, characters_max in (("serial_no", 64), ("city_id", 8), ("med_inst_name", 128), ("med_inst_no", 32)):
        text(body, name, characters_max)
    if mix_type != "CASH_ONLY":
        text(body, "pay_order_id", 64)
        text(body, "pay_auth_no", 64)
        instant(text(body, "med_ins_order_create_time", 64))
    cash, insurance = _require_sums(body)
    if (mix_type == "CASH_ONLY" and insurance) or (mix_type == "INSURANCE_ONLY" and cash):
        raise parameter_error("mix_pay_type与金额不符")
    prepay_id = optional_text(body, "prepay_id", 64)
    if bool(cash) != bool(prepay_id):
        raise parameter_error("有自费金额时必须传prepay_id，没有时不能传")
    return MixedAsked(
        mix_type=mix_type,
        out_trade_no=order_number(body, "out_trade_no"),
        cash_fen=cash,
        insurance_fen=insurance,
        callback_url=text(body, "callback_url", 255),
        prepay_id=prepay_id,
        shown={name: body[name] for name in ECHOED if name in body},
    )


def read_insurance_refund(body: dict[str, Any]) -> InsuranceRefund:
    """Read the report of a refund. Raises: WireError."""
    total = _fee(body, "med_refund_total_fee")
    parts = [_fee(body, f"med_refund_{part}_fee") for part in ("gov", "self", "other")]
    if total == 0 or total != sum(parts):
        raise parameter_error("医保退款金额不等于各部分之和")
    instant(text(body, "refund_time", 64))
    return InsuranceRefund(out_refund_no=text(body, "out_refund_no", 64), total_fen=total)


def _require_payer(payer: object, signer: Signer) -> None:
    if not isinstance(payer, dict):
        raise parameter_error("payer缺失")
    _one_of(payer, "card_type", CARD_TYPES)
    name = decrypt_field(signer, text(payer, "name", 1024))
    digest = decrypt_field(signer, text(payer, "id_digest", 1024))
    if not name or len(digest or "") != 32:
        raise WireError(400, "PARAM_ERROR", "敏感字段解密失败")


def _require_sums(body: dict[str, Any]) -> tuple[int, int]:
    """Check that an order adds up; give what is paid by WeChat and what by the insurance."""
    insurance = sum(_fee(body, f"med_ins_{part}_fee") for part in ("gov", "self", "other"))
    added = _details(body, "cash_add", ADD_TYPES)
    reduced = _details(body, "cash_reduce", REDUCE_TYPES)
    own = _fee(body, "med_ins_cash_fee")
    if _fee(body, "total_fee") != insurance + own + added:
        raise invalid_request("总金额不等于各部分之和")
    cash = _fee(body, "wechat_pay_cash_fee")
    if cash != own + added - reduced:
        raise invalid_request("微信支付金额不等于自费金额加补充减减免")
    return cash, insurance


def _details(body: dict[str, Any], name: str, kinds: tuple[str, ...]) -> int:
    entries = body.get(f"{name}_detail") or []
    if not isinstance(entries, list) or len(entries) > DETAILS_MAX:
        raise parameter_error(f"{name}_detail不是列表")
    total = 0
    for entry in entries:
        if not isinstance(entry, dict):
            raise parameter_error(f"{name}_detail格式错误")
        _one_of(entry, f"{name}_type", kinds)
        total += _fee(entry, f"{name}_fee")
    return total


def _fee(body: dict[str, Any], name: str) -> int:
    value = body.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= AMOUNT_FEN_MAX:
        raise parameter_error(f"{name}不是金额")
    return value


def _one_of(body: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = text(body, name, 64)
    if value not in known:
        raise parameter_error(f"{name}不在枚举值内")
    return value
