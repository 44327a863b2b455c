"""What the platform does not decide by itself: money or a state that a person has to look at, with what they may do.

An exception is open once for each cause and subject, however often the fact that opened it is told. Opening one never
stops the asking: an answer that comes later still counts, and closes it.
"""

from collections.abc import Mapping
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
