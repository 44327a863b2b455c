"""What the platform does not decide by itself: money or a state that a person has to look at, with what they may do.

An exception is open once for each cause and subject, however often the fact that opened it is told. Opening one never
stops the asking: an answer that comes later still counts, and closes it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel import clock
from kernel.db import Reader, Row, Transaction
from kernel.ids import new_id
from kernel.log import get_logger
from payments import errors, events

log = get_logger("payments")


class Cause(StrEnum):
    """Why a person is asked."""

    AMOUNT_MISMATCH = "amount_mismatch"
    APP_MISMATCH = "app_mismatch"
    PAYER_MISMATCH = "payer_mismatch"
    MERCHANT_MISMATCH = "merchant_mismatch"
    FACT_INCOMPLETE = "fact_incomplete"
    PAID_AGAIN = "paid_again"
    UNKNOWN_ATTEMPT = "unknown_attempt"
    UNKNOWN_REFUND = "unknown_refund"
    CLOSE_UNANSWERED = "close_unanswered"
    ACCEPTANCE_FAILED = "acceptance_failed"
    SETTLEMENT_UNKNOWN = "settlement_unknown"
    REVERSAL_UNKNOWN = "reversal_unknown"
    REVERSAL_REFUSED = "reversal_refused"
    REFUND_ABNORMAL = "refund_abnormal"
    REFUND_AMOUNT_MISMATCH = "refund_amount_mismatch"
    REFUND_AFTER_END = "refund_after_end"
    REFUND_DECLINED = "refund_declined"
    DISCHARGE_UNKNOWN = "discharge_unknown"
    DISCHARGE_REFUSED = "discharge_refused"
    INSURANCE_NOT_BACK = "insurance_not_back"


class Action(StrEnum):
    """What a person may do about it."""

    REFUND = "refund"
    """Send the disputed money back; for an unknown settlement: give the order up and refund it."""
    MARK_SETTLED = "mark_settled"
    """The HIS has it, as somebody has seen there; its number is given."""
    ASK_AGAIN = "ask_again"
    """Begin to ask anew, now."""
    PROCEED = "proceed"
    """Send the money though the HIS has not undone its settlement."""
    RETRY = "retry"
    """Put the same refund to the channel, or the HIS, again."""
    PAY_OFFLINE = "pay_offline"
    """The money was given back by other means, whose proof is named."""
    CANCEL = "cancel"
    """Give the refund up; the money stays where it is."""
    EXPLAIN = "explain"
    """Nothing is to be done; why is kept."""


_MISMATCH: Final = frozenset({Action.REFUND, Action.EXPLAIN})
_REFUND: Final = frozenset({Action.RETRY, Action.PAY_OFFLINE, Action.CANCEL})
ALLOWED: Final[Mapping[Cause, frozenset[Action]]] = {
    Cause.AMOUNT_MISMATCH: _MISMATCH,
    Cause.APP_MISMATCH: _MISMATCH,
    Cause.PAYER_MISMATCH: _MISMATCH,
    Cause.PAID_AGAIN: _MISMATCH,
    Cause.MERCHANT_MISMATCH: frozenset({Action.EXPLAIN}),
    Cause.FACT_INCOMPLETE: frozenset({Action.EXPLAIN}),
    Cause.UNKNOWN_ATTEMPT: frozenset({Action.EXPLAIN}),
    Cause.UNKNOWN_REFUND: frozenset({Action.EXPLAIN}),
    Cause.CLOSE_UNANSWERED: frozenset({Action.ASK_AGAIN, Action.EXPLAIN}),
    Cause.ACCEPTANCE_FAILED: frozenset({Action.ASK_AGAIN, Action.REFUND}),
    Cause.SETTLEMENT_UNKNOWN: frozenset({Action.ASK_AGAIN, Action.MARK_SETTLED, Action.REFUND}),
    Cause.REVERSAL_UNKNOWN: _REFUND | {Action.PROCEED},
    Cause.REVERSAL_REFUSED: _REFUND | {Action.PROCEED},
    Cause.REFUND_ABNORMAL: _REFUND,
    Cause.REFUND_AMOUNT_MISMATCH: frozenset({Action.EXPLAIN}),
    Cause.REFUND_AFTER_END: frozenset({Action.EXPLAIN}),
    Cause.REFUND_DECLINED: frozenset({Action.REFUND, Action.EXPLAIN}),
    Cause.DISCHARGE_UNKNOWN: frozenset({Action.ASK_AGAIN, Action.EXPLAIN}),
    Cause.DISCHARGE_REFUSED: frozenset({Action.ASK_AGAIN, Action.EXPLAIN}),
    Cause.INSURANCE_NOT_BACK: frozenset({Action.ASK_AGAIN, Action.EXPLAIN}),
}


class Sentence(NamedTuple):
    """What a cashier reads."""

    zh: str
    en: str


EXPLAINED: Final[Mapping[Cause, Sentence]] = {
    Cause.AMOUNT_MISMATCH: Sentence(
        "渠道实收金额与订单金额不一致，款项已单列，订单未生效", "The channel took another amount than the order asks."
    ),
    Cause.APP_MISMATCH: Sentence(
        "付款来自其他应用，款项已单列，订单未生效", "The money came through another application than was asked."
    ),
    Cause.PAYER_MISMATCH: Sentence(
        "付款人与发起支付的人不一致，款项已单列，订单未生效", "Somebody else paid than who was asked."
    ),
    Cause.PAID_AGAIN: Sentence("同一支付单号再次收到款项", "Money came a second time under one payment number."),
    Cause.MERCHANT_MISMATCH: Sentence(
        "其他商户号报告了本院的支付单号，未作处理", "Another merchant's account named a payment of ours."
    ),
    Cause.FACT_INCOMPLETE: Sentence(
        "渠道称已支付，但缺少金额或流水号", "The channel says paid, without an amount or a number."
    ),
    Cause.UNKNOWN_ATTEMPT: Sentence(
        "渠道单边账：渠道有款，平台无此支付单", "The channel has money under a number that was never ours."
    ),
    Cause.UNKNOWN_REFUND: Sentence(
        "渠道单边账：渠道有退款，平台无此退款单", "The channel has a refund that nobody here asked for."
    ),
    Cause.CLOSE_UNANSWERED: Sentence(
        "渠道多次未答复，无法确认支付单已关闭", "The channel does not say whether a payment is closed."
    ),
    Cause.ACCEPTANCE_FAILED: Sentence(
        "款已收，平台业务处理失败，正在重试", "The money is here, and the platform fails to take the order over."
    ),
    Cause.SETTLEMENT_UNKNOWN: Sentence(
        "单边账：款已收，HIS 是否已结算不明，请在 HIS 中核对流水号",
        "The money is here, and whether the HIS has settled is not known.",
    ),
    Cause.REVERSAL_UNKNOWN: Sentence(
        "HIS 是否已冲销不明，款尚未退出", "Whether the HIS has undone its settlement is not known; no money has left."
    ),
    Cause.REVERSAL_REFUSED: Sentence(
        "HIS 不同意冲销（如药品已发、检查已做），款尚未退出",
        "The HIS refuses to undo its settlement; no money has left.",
    ),
    Cause.REFUND_ABNORMAL: Sentence(
        "渠道退款异常，请改用其他方式退款或重试", "The channel cannot refund; it goes back by other means, or again."
    ),
    Cause.REFUND_AMOUNT_MISMATCH: Sentence(
        "渠道实退金额与退款单金额不一致", "The channel refunded another amount than was asked."
    ),
    Cause.REFUND_AFTER_END: Sentence(
        "退款已按其他方式了结后，渠道又退款成功", "The channel refunded what had been ended in another way."
    ),
    Cause.REFUND_DECLINED: Sentence(
        "退款未获复核人同意，款项仍在本院，没有对应的有效业务",
        "A second person declined a refund, and nothing that stands was paid for with the money.",
    ),
    Cause.DISCHARGE_UNKNOWN: Sentence(
        "出院结算：HIS 多次未答复，预交金余额尚未退回",
        "Whether the HIS has settled a stay is not known; nothing went back.",
    ),
    Cause.DISCHARGE_REFUSED: Sentence(
        "出院结算：HIS 拒绝（如已在窗口结算），请核对预交金余额",
        "The HIS refuses to settle a stay, perhaps because its window has; see to the deposits.",
    ),
    Cause.INSURANCE_NOT_BACK: Sentence(
        "订单已结束，医保部分尚未撤销或退回，请与医保中心核对",
        "The order is over, and the insurance's part is not known to be back; ask its centre.",
    ),
}
"""Each cause in a sentence; what may be done about it is `ALLOWED`, and what that means `DONE_BY`."""

DONE_BY: Final[Mapping[Action, Sentence]] = {
    Action.REFUND: Sentence("退款给付款人", "Send the money back."),
    Action.MARK_SETTLED: Sentence("HIS 已结算（填写 HIS 收据号）", "The HIS has it; give its number."),
    Action.ASK_AGAIN: Sentence("立即重新查询", "Ask again now."),
    Action.PROCEED: Sentence("HIS 未冲销也退款", "Send the money though the HIS has not undone it."),
    Action.RETRY: Sentence("用同一退款单号重试", "Try again under the same number."),
    Action.PAY_OFFLINE: Sentence("已线下退款（填写凭证号）", "It was paid by other means; give the proof."),
    Action.CANCEL: Sentence("撤销本次退款", "Give the refund up."),
    Action.EXPLAIN: Sentence("无需处理，记录说明", "Nothing is to be done; say why."),
}


class Subject(NamedTuple):
    """What an exception is about; `key` tells two of one cause apart."""

    key: str
    order_id: UUID | None = None
    attempt_id: UUID | None = None
    transaction_id: UUID | None = None
    settlement_id: UUID | None = None
    refund_id: UUID | None = None


class PaymentException(NamedTuple):
    """An exception as staff see it; `allowed` lists what may be done about it."""

    id: UUID
    cause: Cause
    order_id: UUID | None
    attempt_id: UUID | None
    transaction_id: UUID | None
    settlement_id: UUID | None
    refund_id: UUID | None
    facts: Mapping[str, Any]
    status: str
    action: str | None
    reason: str | None
    resolved_by: str | None
    opened_at: datetime
    resolved_at: datetime | None

    @property
    def allowed(self) -> list[str]:
        """List the actions that may resolve it."""
        return sorted(action.value for action in ALLOWED[self.cause]) if self.status == "open" else []


_COLUMNS: Final = (
    "id, cause, order_id, attempt_id, transaction_id, settlement_id, refund_id, facts, status, action, reason,"
    " resolved_by, opened_at, resolved_at"
)


async def open_exception(
    tx: Transaction, cause: Cause, subject: Subject, *, facts: Mapping[str, object] | None = None
) -> bool:
    """Put something before a person, unless it is already; tells whether it is new."""
    opened = await tx.execute(
        "INSERT INTO payment_exception (id, cause, subject, order_id, attempt_id, transaction_id, settlement_id,"
        " refund_id, facts, opened_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (cause, subject) WHERE status = 'open' DO NOTHING",
        new_id(),
        cause.value,
        *subject,
        dict(facts or {}),
        clock.now(),
    )
    if not opened:
        return False
    log.warning("payment_exception_opened", cause=cause.value, order_id=str(subject.order_id))
    if subject.order_id is not None:
        await events.append(tx, "payment.exception_opened", subject.order_id, facts={"cause": cause.value})
    return True


async def was_ever_opened(tx: Transaction, cause: Cause, key: str) -> bool:
    """Tell whether a person was asked this before, and perhaps has answered."""
    found: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM payment_exception WHERE cause = $1 AND subject = $2)", cause.value, key
    )
    return found


async def settle_by_fact(
    tx: Transaction, *, settlement_id: UUID | None = None, refund_id: UUID | None = None, what: str
) -> None:
    """Close what was open about a settlement or refund that has ended after all, by an answer and not by a person."""
    await tx.execute(
        "UPDATE payment_exception SET status = 'resolved', action = 'explain', reason = $3,"
        " resolved_by = $4, resolved_at = $5"
        " WHERE status = 'open' AND (settlement_id = $1 OR refund_id = $2)"
        " AND cause NOT IN ('refund_after_end', 'refund_amount_mismatch')",
        settlement_id,
        refund_id,
        what,
        events.SYSTEM.client_id,
        clock.now(),
    )


async def settle_subject(tx: Transaction, causes: Collection[Cause], key: str, *, what: str) -> None:
    """Close what was open about something that is no order, refund or settlement, and has come to an end by itself."""
    await tx.execute(
        "UPDATE payment_exception SET status = 'resolved', action = 'explain', reason = $3, resolved_by = $4,"
        " resolved_at = $5 WHERE status = 'open' AND cause = ANY ($1) AND subject = $2",
        [cause.value for cause in causes],
        key,
        what,
        events.SYSTEM.client_id,
        clock.now(),
    )


async def close_exception(
    tx: Transaction, row: Row | PaymentException, *, action: Action, reason: str, staff_code: str
) -> bool:
    """Write down how an open exception was resolved; False when it was not open any more."""
    exception_id = row["id"] if not isinstance(row, PaymentException) else row.id
    return bool(
        await tx.execute(
            "UPDATE payment_exception SET status = 'resolved', action = $2, reason = $3, resolved_by = $4,"
            " resolved_at = $5 WHERE id = $1 AND status = 'open'",
            exception_id,
            action.value,
            reason,
            staff_code,
            clock.now(),
        )
    )


async def read_exception(db: Reader, exception_id: UUID) -> PaymentException:
    """Read an exception.

    Raises:
        ExceptionNotFound, DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM payment_exception WHERE id = $1", exception_id)  # noqa: S608  our own list of columns
    if not rows:
        raise errors.ExceptionNotFound
    return _shape(rows[0])


async def lock_exception(tx: Transaction, exception_id: UUID) -> PaymentException:
    """Read an exception and keep others from resolving it; what it is about is locked before.

    Raises:
        ExceptionNotFound.
    """
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM payment_exception WHERE id = $1 FOR UPDATE", exception_id)  # noqa: S608  our own list of columns
    if row is None:
        raise errors.ExceptionNotFound
    return _shape(row)


async def list_exceptions(
    db: Reader, *, status: str = "open", order_id: UUID | None = None, after: UUID | None = None, limit: int
) -> list[PaymentException]:
    """List exceptions, the oldest first; `after` is the last of the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_exception WHERE status = $1 AND ($2::uuid IS NULL OR order_id = $2)"  # noqa: S608  our own list of columns
        " AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4",
        status,
        order_id,
        after,
        limit,
    )
    return [_shape(row) for row in rows]


def _shape(row: Row) -> PaymentException:
    exception_id, cause, *rest = row.values()
    return PaymentException(exception_id, Cause(cause), *rest)
