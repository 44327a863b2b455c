"""What a request may hold, field by field, as API v3 documents it."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from integration.emulators.wechatpay.accounts import Account
from integration.emulators.wechatpay.errors import WireError, parameter_error

_ORDER_NUMBER: Final = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_REFUND_NUMBER: Final = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
AMOUNT_FEN_MAX: Final = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Prepay:
    """An order as a merchant makes it; instants are aware."""

    app_id: str
    out_trade_no: str
    description: str
    total_fen: int
    notify_url: str
    openid: str | None
    attach: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """A refund as a merchant asks for it; one of the two numbers names the payment."""

    out_refund_no: str
    out_trade_no: str | None
    transaction_id: str | None
    refund_fen: int
    total_fen: int
    reason: str | None
    notify_url: str | None


def read_object(body: bytes) -> dict[str, Any]:
    """Read a request's JSON object. Raises: WireError."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise parameter_error("请求体不是JSON") from error
    if not isinstance(found, dict):
        raise parameter_error("请求体不是JSON对象")
    return found


def read_prepay(body: dict[str, Any], account: Account, *, wants_payer: bool) -> Prepay:
    """Read an order. Raises: WireError."""
    require_merchant(text(body, "mchid", 32), account)
    app_id = text(body, "appid", 32)
    if app_id not in account.app_ids:
        raise WireError(400, "APPID_MCHID_NOT_MATCH", "AppID和mch_id不匹配")
    expires = optional_text(body, "time_expire", 64)
    return Prepay(
        app_id=app_id,
        out_trade_no=order_number(body, "out_trade_no"),
        description=text(body, "description", 127),
        total_fen=_amount(body, "total"),
        notify_url=_url(text(body, "notify_url", 255)),
        openid=text(_object(body, "payer"), "openid", 128) if wants_payer else None,
        attach=optional_text(body, "attach", 128),
        expires_at=instant(expires) if expires else None,
    )


def require_browser(body: dict[str, Any]) -> None:
    """Check what a payment in a browser says of its payer. Raises: WireError."""
    scene = _object(body, "scene_info")
    text(scene, "payer_client_ip", 45)
    if text(_object(scene, "h5_info"), "type", 32) not in ("Wap", "iOS", "Android"):
        raise parameter_error("scene_info.h5_info.type不正确")


def read_refund(body: dict[str, Any]) -> RefundAsked:
    """Read a refund. Raises: WireError."""
    number = text(body, "out_refund_no", 64)
    if not _REFUND_NUMBER.fullmatch(number):
        raise parameter_error("out_refund_no格式错误")
    out_trade_no = optional_text(body, "out_trade_no", 32)
    transaction_id = optional_text(body, "transaction_id", 32)
    if not (out_trade_no or transaction_id):
        raise parameter_error("transaction_id和out_trade_no至少填一个")
    url = optional_text(body, "notify_url", 255)
    return RefundAsked(
        out_refund_no=number,
        out_trade_no=out_trade_no,
        transaction_id=transaction_id,
        refund_fen=_amount(body, "refund"),
        total_fen=_amount(body, "total"),
        reason=optional_text(body, "reason", 80),
        notify_url=_url(url) if url else None,
    )


def require_merchant(merchant_no: str, account: Account) -> None:
    """Refuse another merchant's number. Raises: WireError."""
    if merchant_no != account.merchant_no:
        raise WireError(403, "NO_AUTH", "商户号与签名商户不一致")


def order_number(body: dict[str, Any], name: str) -> str:
    """Read an order's number of the merchant's. Raises: WireError."""
    number = text(body, name, 32)
    if not _ORDER_NUMBER.fullmatch(number):
        raise parameter_error(f"{name}格式错误")
    return number


def text(body: dict[str, Any], name: str, characters_max: int) -> str:
    """Read a text that must be there. Raises: WireError."""
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= characters_max:
        raise parameter_error(f"{name}缺失或长度不在1到{characters_max}之间")
    return value


def optional_text(body: dict[str, Any], name: str, characters_max: int) -> str | None:
    """Read a text that may be absent. Raises: WireError."""
    return None if body.get(name) is None else text(body, name, characters_max)


def instant(value: str) -> datetime:
    """Read an instant (RFC 3339). Raises: WireError."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise parameter_error("时间不符合RFC3339格式") from error
    if found.tzinfo is None:
        raise parameter_error("时间缺少时区")
    return found


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise parameter_error(f"{name}缺失")
    return value


def _amount(body: dict[str, Any], name: str) -> int:
    amount = _object(body, "amount")
    if amount.get("currency", "CNY") != "CNY":
        raise parameter_error("currency只支持CNY")
    value = amount.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= AMOUNT_FEN_MAX:
        raise parameter_error(f"amount.{name}不是正整数")
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    # The channel itself wants https; a sandbox's platform listens on its own machine.
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise parameter_error("notify_url不是不带参数的完整地址")
    return value
