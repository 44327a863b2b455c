"""What WeChat Pay's answers and notifications mean to the platform."""

from datetime import UTC, datetime
from typing import Any, Final

from payments.gateways.errors import ChannelUnavailable
from payments.gateways.port import ChannelCode, FactSource, PaymentFact, PaymentState, RefundFact, RefundState

PAYMENT_STATES: Final = {
    "NOTPAY": PaymentState.UNPAID,
    "PAYERROR": PaymentState.UNPAID,
    "USERPAYING": PaymentState.PAYING,
    "ACCEPT": PaymentState.PAYING,
    "SUCCESS": PaymentState.PAID,
    # It was paid, and something went back: refunds are asked for by their own numbers.
    "REFUND": PaymentState.PAID,
    "CLOSED": PaymentState.CLOSED,
    "REVOKED": PaymentState.CLOSED,
}
REFUND_STATES: Final = {
    "PROCESSING": RefundState.PROCESSING,
    "SUCCESS": RefundState.SUCCEEDED,
    "ABNORMAL": RefundState.ABNORMAL,
    "CLOSED": RefundState.CLOSED,
}
FEN_MAX: Final = 10**13


def payment_fact(body: dict[str, Any], *, source: FactSource) -> PaymentFact:
    """Read an order as an answer or a notification shows it.

    Raises:
        ChannelUnavailable: a field that matters is missing or unknown.
    """
    try:
        state = PAYMENT_STATES[body["trade_state"]]
        is_paid = state is PaymentState.PAID
        return PaymentFact(
            channel=ChannelCode.WECHATPAY,
            merchant_no=read_text(body["mchid"]),
            app_id=read_text(body["appid"]),
            attempt_no=read_text(body["out_trade_no"]),
            state=state,
            source=source,
            amount_fen=read_fen(body["amount"]["total"]) if is_paid or "amount" in body else None,
            transaction_no=read_text(body["transaction_id"]) if is_paid else None,
            payer=read_text(body["payer"]["openid"]) if is_paid else None,
            occurred_at=_instant(body["success_time"]) if is_paid else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelUnavailable("an order that cannot be read") from error


def refund_fact(body: dict[str, Any], *, source: FactSource, merchant_no: str) -> RefundFact:
    """Read a refund; a notification names its state `refund_status`.

    Raises:
        ChannelUnavailable: a field that matters is missing or unknown.
    """
    try:
        state = REFUND_STATES[body["refund_status"] if "refund_status" in body else body["status"]]
        done_at = body.get("success_time")
        return RefundFact(
            channel=ChannelCode.WECHATPAY,
            # An answer does not repeat the merchant: it is the one who asked.
            merchant_no=read_text(body.get("mchid", merchant_no)),
            attempt_no=read_text(body["out_trade_no"]),
            refund_no=read_text(body["out_refund_no"]),
            state=state,
            source=source,
            refund_fen=read_fen(body["amount"]["refund"]),
            channel_refund_no=read_text(body["refund_id"]),
            occurred_at=_instant(done_at) if done_at else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelUnavailable("a refund that cannot be read") from error


def read_text(value: object) -> str:
    """Read a short text of a channel's.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= 128:
        raise ValueError("not a short text")
    return value


def read_fen(value: object) -> int:
    """Read an amount in fen.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= FEN_MAX:
        raise ValueError("not an amount in fen")
    return value


def _instant(value: object) -> datetime:
    found = datetime.fromisoformat(read_text(value))
    if found.tzinfo is None:
        raise ValueError("no time zone")
    return found.astimezone(UTC)
