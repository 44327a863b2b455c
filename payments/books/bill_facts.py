"""What only a channel's bill tells: a payment or refund whose notification never came takes the one way in."""

from typing import Final
from uuid import UUID

from kernel.db import Database, Row
from kernel.log import get_logger
from payments.facts import Applied, apply_channel_fact
from payments.gateways.port import ChannelCode, FactSource, PaymentFact, PaymentState, RefundFact, RefundState

LINES_MAX: Final = 10_000
# A bill names neither the payer nor, for us, the application; the fact says nothing of them.
_UNKNOWN_PAYMENTS: Final = """
SELECT m.channel, m.merchant_no, line.number, line.channel_no, line.amount_fen, line.occurred_at
FROM book_line line JOIN payment_attempt a ON a.attempt_no = line.number AND a.merchant_code = line.merchant
JOIN payment_merchant m ON m.code = line.merchant
WHERE line.closing_id = $1 AND line.side = 'channel' AND line.kind = 'payment'
AND NOT EXISTS (SELECT FROM payment_transaction t WHERE t.attempt_id = a.id AND t.transaction_no = line.channel_no)
LIMIT $2
"""
_UNKNOWN_REFUNDS: Final = """
SELECT m.channel, m.merchant_no, a.attempt_no, line.number, line.channel_no, line.amount_fen, line.occurred_at
FROM book_line line JOIN payment_refund r ON r.refund_no = line.number AND r.merchant_code = line.merchant
JOIN payment_attempt a ON a.id = r.attempt_id JOIN payment_merchant m ON m.code = line.merchant
WHERE line.closing_id = $1 AND line.side = 'channel' AND line.kind = 'refund' AND r.channel_paid_at IS NULL
LIMIT $2
"""

log = get_logger("payments.books")


async def apply_bill_lines(database: Database, closing_id: UUID) -> int:
    """Take in what a day's bills know and the platform does not; give how many lines changed something here.

    Lines under numbers that are not ours stay what they are: a surplus, or a refund made elsewhere.

    Raises:
        DatabaseUnavailable.
    """
    facts: list[PaymentFact | RefundFact] = [
        _payment(row) for row in await database.fetch(_UNKNOWN_PAYMENTS, closing_id, LINES_MAX)
    ]
    facts += [_refund(row) for row in await database.fetch(_UNKNOWN_REFUNDS, closing_id, LINES_MAX)]
    changed = 0
    for fact in facts:
        async with database.transaction() as tx:
            applied = await apply_channel_fact(tx, fact)
        changed += applied not in {Applied.REPEATED, Applied.UNKNOWN}
    if len(facts) >= LINES_MAX:
        log.warning("books_bill_lines_left", closing_id=str(closing_id), applied=len(facts))
    return changed


def _payment(row: Row) -> PaymentFact:
    return PaymentFact(
        channel=ChannelCode(row["channel"]),
        merchant_no=row["merchant_no"],
        app_id=None,
        attempt_no=row["number"],
        state=PaymentState.PAID,
        source=FactSource.BILL,
        amount_fen=row["amount_fen"],
        transaction_no=row["channel_no"],
        occurred_at=row["occurred_at"],
    )


def _refund(row: Row) -> RefundFact:
    return RefundFact(
        channel=ChannelCode(row["channel"]),
        merchant_no=row["merchant_no"],
        attempt_no=row["attempt_no"],
        refund_no=row["number"],
        state=RefundState.SUCCEEDED,
        source=FactSource.BILL,
        refund_fen=row["amount_fen"],
        channel_refund_no=row["channel_no"],
        occurred_at=row["occurred_at"],
    )
