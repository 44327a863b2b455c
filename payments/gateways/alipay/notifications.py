"""Alipay's notifications: signed forms, posted to the address that a trade was prepared with.

There is no nonce: a notification is known by its notify_id, which all its tries share. Refunds come to the same
address as payments, with a trade_status that says little: a partial refund says TRADE_SUCCESS, the last one
TRADE_CLOSED. What makes a notification tell of a refund is that it names one.
Source: Alipay open platform, "Asynchronous notification" (opendocs.alipay.com/open/203/105286).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kernel.money import from_yuan
from payments.gateways.alipay.signing import SIGN_TYPE, is_signed_by, signed_content
from payments.gateways.alipay.trades import optional, read_state, read_time
from payments.gateways.errors import NotificationRefused
from payments.gateways.port import (
    ChannelCode,
    FactSource,
    Notification,
    PaymentFact,
    PaymentState,
    RefundFact,
    RefundState,
)

BODY_BYTES_MAX: Final = 32 * 1024
FIELDS_MAX: Final = 100
EVENT_ID_CHARACTERS_MAX: Final = 128
FORM: Final = "application/x-www-form-urlencoded"
NOT_SIGNED: Final = frozenset({"sign", "sign_type"})
TRADE_EVENT: Final = "trade_status_sync"

KEPT_TRYING: Final = timedelta(hours=26)
"""Alipay tries for 25 hours 24 minutes; what is older is nobody's retry."""
AHEAD_MAX: Final = timedelta(minutes=5)


def read_notification(headers: Mapping[str, str], body: bytes, *, key: RSAPublicKey, now: datetime) -> Notification:
    """Verify a notification and give what it tells.

    Raises:
        NotificationRefused: `reason` is one of too_long, form, sign_type, signature, stale, content.
    """
    form = _read_form(headers, body)
    if form.get("sign_type") != SIGN_TYPE:
        raise NotificationRefused("sign_type")
    if not is_signed_by(key, signed_content(form, without=NOT_SIGNED), form.get("sign", "")):
        raise NotificationRefused("signature")
    try:
        return _open(form, now=now)
    except (KeyError, ValueError) as error:
        raise NotificationRefused("content") from error


def _read_form(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    if len(body) > BODY_BYTES_MAX:
        raise NotificationRefused("too_long")
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise NotificationRefused("form")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError as error:
        raise NotificationRefused("form") from error
    form = dict(pairs)
    # One value would be verified and the other read.
    if not form or len(form) != len(pairs):
        raise NotificationRefused("form")
    return form


def _open(form: dict[str, str], *, now: datetime) -> Notification:
    sent_at = read_time(form["notify_time"])
    if sent_at is None or not now - KEPT_TRYING <= sent_at <= now + AHEAD_MAX:
        raise NotificationRefused("stale")
    event_id, notify_type = form["notify_id"], form["notify_type"]
    if not 0 < len(event_id) <= EVENT_ID_CHARACTERS_MAX:
        raise ValueError("notify_id")
    if notify_type != TRADE_EVENT:
        return Notification(event_id, notify_type, None)
    return Notification(event_id, f"{notify_type}:{form['trade_status']}", _read_fact(form))


def _read_fact(form: Mapping[str, Any]) -> PaymentFact | RefundFact | None:
    if _tells_of_refund(form):
        refund_no = optional(form, "out_biz_no")
        # A refund made at Alipay's own pages names no number of ours; the day's bill tells of it.
        return None if refund_no is None else _read_refund(form, refund_no)
    state = read_state(form, paid_at_field="gmt_payment")
    return PaymentFact(
        channel=ChannelCode.ALIPAY,
        merchant_no=_required(form, "seller_id"),
        app_id=_required(form, "app_id"),
        attempt_no=_required(form, "out_trade_no"),
        state=state,
        source=FactSource.NOTIFICATION,
        amount_fen=from_yuan(form["total_amount"]),
        transaction_no=_required(form, "trade_no"),
        payer=optional(form, "buyer_open_id") or optional(form, "buyer_id"),
        occurred_at=read_time(form.get("gmt_payment")) if state is PaymentState.PAID else None,
    )


def _tells_of_refund(form: Mapping[str, Any]) -> bool:
    has_gone_back = from_yuan(form.get("refund_fee") or "0") > 0
    return has_gone_back or any(optional(form, name) for name in ("out_biz_no", "gmt_refund"))


def _read_refund(form: Mapping[str, Any], refund_no: str) -> RefundFact:
    """Read a refund; `refund_fee` is what has gone back of the trade in all, so no amount of this one is told."""
    return RefundFact(
        channel=ChannelCode.ALIPAY,
        merchant_no=_required(form, "seller_id"),
        attempt_no=_required(form, "out_trade_no"),
        refund_no=refund_no,
        state=RefundState.SUCCEEDED,
        source=FactSource.NOTIFICATION,
        occurred_at=read_time(form.get("gmt_refund")),
    )


def _required(form: Mapping[str, Any], name: str) -> str:
    value = optional(form, name)
    if value is None:
        raise ValueError(name)
    return value
