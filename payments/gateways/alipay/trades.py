"""How Alipay tells of trades and refunds, read into the port's facts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kernel.clock import SHANGHAI
from kernel.money import from_yuan
from payments.gateways.port import ChannelCode, FactSource, Merchant, PaymentFact, PaymentState, RefundFact, RefundState

WAIT_BUYER_PAY: Final = "WAIT_BUYER_PAY"
TRADE_SUCCESS: Final = "TRADE_SUCCESS"
TRADE_FINISHED: Final = "TRADE_FINISHED"
TRADE_CLOSED: Final = "TRADE_CLOSED"

REFUND_SUCCESS: Final = "REFUND_SUCCESS"
BANK_HAS_IT: Final = "S"
BANK_WORKS: Final = "P"
BANK_REFUSED: Final = "F"

_STATES: Final = {
    WAIT_BUYER_PAY: PaymentState.UNPAID,
    TRADE_SUCCESS: PaymentState.PAID,
    TRADE_FINISHED: PaymentState.PAID,
    TRADE_CLOSED: PaymentState.CLOSED,
}


def read_state(told: Mapping[str, Any], *, paid_at_field: str) -> PaymentState:
    """Tell how an attempt stands.

    TRADE_CLOSED is said of a trade that nobody paid and of one whose money has all gone back; only the latter has a
    time of payment, and it *was* paid: its refunds are told of by themselves.

    Raises:
        ValueError: a status that Alipay does not document.
    """
    status = str(told.get("trade_status"))
    if status not in _STATES:
        raise ValueError("unknown trade_status")
    if status == TRADE_CLOSED and told.get(paid_at_field):
        return PaymentState.PAID
    return _STATES[status]


def read_queried(merchant: Merchant, attempt_no: str, answer: Mapping[str, Any]) -> PaymentFact:
    """Read the answer of alipay.trade.query.

    Raises:
        ValueError: it tells of another trade, or in a form that cannot be relied on.
    """
    if answer.get("out_trade_no") != attempt_no:
        raise ValueError("another trade's answer")
    state = read_state(answer, paid_at_field="send_pay_date")
    return PaymentFact(
        channel=ChannelCode.ALIPAY,
        merchant_no=merchant.merchant_no,
        app_id=merchant.app_id,
        attempt_no=attempt_no,
        state=state,
        source=FactSource.QUERY,
        amount_fen=from_yuan(str(answer["total_amount"])),
        transaction_no=optional(answer, "trade_no"),
        payer=optional(answer, "buyer_open_id") or optional(answer, "buyer_user_id"),
        occurred_at=read_time(answer.get("send_pay_date")) if state is PaymentState.PAID else None,
    )


def read_queried_refund(
    merchant: Merchant, answer: Mapping[str, Any], *, refund_no: str, attempt_no: str, source: FactSource
) -> RefundFact:
    """Read the answer of alipay.trade.fastpay.refund.query.

    Success is REFUND_SUCCESS. An answer that names no refund means that Alipay never heard of it. Where the money has
    to go back to a bank card, the bank may still be at work, or may have refused it.

    Raises:
        ValueError: it tells of another refund, or in a form that cannot be relied on.
    """
    if answer.get("out_request_no") in (None, ""):
        return _refund(merchant, refund_no=refund_no, attempt_no=attempt_no, state=RefundState.ABSENT, source=source)
    if answer.get("out_request_no") != refund_no or answer.get("out_trade_no") != attempt_no:
        raise ValueError("another refund's answer")
    returned = answer.get("deposit_back_info")
    at_bank = returned.get("dback_status") if isinstance(returned, Mapping) else None
    if at_bank == BANK_REFUSED:
        state = RefundState.ABNORMAL
    elif answer.get("refund_status") == REFUND_SUCCESS and at_bank in (None, "", BANK_HAS_IT):
        state = RefundState.SUCCEEDED
    else:
        state = RefundState.PROCESSING
    return _refund(
        merchant,
        refund_no=refund_no,
        attempt_no=attempt_no,
        state=state,
        source=source,
        refund_fen=from_yuan(str(answer["refund_amount"])),
        occurred_at=read_time(answer.get("gmt_refund_pay")) if state is RefundState.SUCCEEDED else None,
    )


def refund_absent(merchant: Merchant, *, refund_no: str, attempt_no: str) -> RefundFact:
    """Say that Alipay never heard of a refund."""
    return _refund(
        merchant, refund_no=refund_no, attempt_no=attempt_no, state=RefundState.ABSENT, source=FactSource.QUERY
    )


def refund_done(merchant: Merchant, answer: Mapping[str, Any], *, refund_no: str, attempt_no: str) -> RefundFact:
    """Say that money has gone back, as alipay.trade.refund tells by fund_change=Y.

    Its `refund_fee` is what has gone back of the trade in all, so the fact names no amount of this refund.

    Raises:
        ValueError: it tells of another trade.
    """
    if answer.get("out_trade_no") != attempt_no:
        raise ValueError("another trade's answer")
    return _refund(
        merchant,
        refund_no=refund_no,
        attempt_no=attempt_no,
        state=RefundState.SUCCEEDED,
        source=FactSource.ANSWER,
        occurred_at=read_time(answer.get("gmt_refund_pay")),
    )


def read_time(text: object) -> datetime | None:
    """Read Alipay's wall-clock time of Shanghai (`2026-11-23 08:30:00`, perhaps with milliseconds) as UTC.

    Raises:
        ValueError: no such time.
    """
    if text in (None, ""):
        return None
    whole = str(text).partition(".")[0]
    return datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).astimezone(UTC)


def optional(told: Mapping[str, Any], name: str) -> str | None:
    """Give a field, or None where it is left out or empty."""
    value = told.get(name)
    return str(value) if value not in (None, "") else None


def _refund(
    merchant: Merchant,
    *,
    refund_no: str,
    attempt_no: str,
    state: RefundState,
    source: FactSource,
    refund_fen: int | None = None,
    occurred_at: datetime | None = None,
) -> RefundFact:
    return RefundFact(
        channel=ChannelCode.ALIPAY,
        merchant_no=merchant.merchant_no,
        attempt_no=attempt_no,
        refund_no=refund_no,
        state=state,
        source=source,
        refund_fen=refund_fen,
        occurred_at=occurred_at,
    )
