"""Where a day's lines come from: the channel's bill, the platform's own record, the HIS's list of receipts.

What lies in the platform's database is taken over by a statement and never leaves it. Lines of just before and after
the day come along, marked, so that what crossed midnight explains itself.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from integration.his.billing import HisBilling, HisReceipt, ReceiptKind
from integration.his.errors import HisUnavailable
from kernel.clock import clinic_instant
from kernel.db import Transaction
from payments.books.bills import read_bill
from payments.books.errors import BooksNotReady
from payments.books.lines import BookLine, LineKind, Side
from payments.books.storage import SideTotals, ToldLines, store_totals
from payments.gateways.errors import BillNotReady, ChannelUnavailable
from payments.gateways.port import BillKind, ChannelCode, Gateway, Merchant

BESIDE_THE_DAY: Final = timedelta(hours=6)
HIS: Final = "his"
HIS_PAGES_MAX: Final = 20_000
# Money that an account took or gave back, whatever became of it here, and under which number the HIS ought to have it:
# what a person had given up, and the HIS then took back, it had; what it only voided, below, it never had.
_PLATFORM_LINES: Final = """
INSERT INTO book_line (closing_id, side, merchant, kind, number, amount_fen, occurred_at, channel_no, settlement_no,
                       is_of_day)
SELECT $1::uuid, 'platform', $2::text, 'payment', a.attempt_no, t.amount_fen, t.paid_at, t.transaction_no,
       CASE WHEN t.role = 'accepted' AND (s.status <> 'rejected' OR EXISTS (
           SELECT FROM payment_refund back WHERE back.transaction_id = t.id AND back.reversal_no <> ''
       )) THEN s.settlement_no END,
       t.paid_at >= $3 AND t.paid_at < $4
FROM payment_transaction t JOIN payment_attempt a ON a.id = t.attempt_id
LEFT JOIN payment_settlement s ON s.transaction_id = t.id
WHERE t.merchant_code = $2 AND t.paid_at >= $3 - $5::interval AND t.paid_at < $4 + $5::interval
UNION ALL
SELECT $1::uuid, 'platform', $2::text, 'refund', r.refund_no, r.amount_fen, r.channel_paid_at,
       r.channel_refund_no, NULL, r.channel_paid_at >= $3 AND r.channel_paid_at < $4
FROM payment_refund r
WHERE r.merchant_code = $2 AND r.channel_paid_at >= $3 - $5::interval AND r.channel_paid_at < $4 + $5::interval
"""
_REVERSAL_LINES: Final = """
INSERT INTO book_line (closing_id, side, merchant, kind, number, amount_fen, occurred_at, settlement_no, is_of_day)
SELECT $1::uuid, 'reversal', r.merchant_code, 'refund', r.refund_no, r.amount_fen, r.reversed_at, r.refund_no,
       r.reversed_at >= $2 AND r.reversed_at < $3
FROM payment_refund r
WHERE r.reversal_no <> '' AND r.reversed_at >= $2 - $4::interval AND r.reversed_at < $3 + $4::interval
"""
_TOTALS: Final = """
SELECT count(*) AS line_count, coalesce(sum(amount_fen) FILTER (WHERE kind = 'payment'), 0)::bigint AS paid_fen,
       coalesce(sum(amount_fen) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunded_fen
FROM book_line WHERE closing_id = $1 AND side = $2 AND ($3::text IS NULL OR merchant = $3) AND is_of_day
"""


def bounds_of(day: date) -> tuple[datetime, datetime]:
    """Give the first instant of a clinic day and that of the next, UTC."""
    return clinic_instant(day, time()), clinic_instant(day + timedelta(days=1), time())


class ChannelBill:
    """The bill of one account with a channel."""

    side: Side = Side.CHANNEL

    def __init__(self, gateway: Callable[[], Gateway], merchant: Merchant) -> None:
        self._gateway = gateway
        self._merchant = merchant
        self.merchant = merchant.code

    async def fetch(self, day: date) -> ToldLines:
        """Fetch the day's bill; it is read when it is taken over.

        Raises:
            BooksNotReady: the channel has not made it yet, or cannot be reached.
        """
        try:
            bill = await self._gateway().fetch_bill(day, BillKind.TRADES)
        except (BillNotReady, ChannelUnavailable) as error:
            raise BooksNotReady(waiting_for=self.merchant) from error
        lines = read_bill(self._merchant.channel, bill, merchant_no=self._merchant.merchant_no)
        return ToldLines(lines, sha256(bill.content).digest())


@dataclass(frozen=True, slots=True)
class RecordOfDay:
    """The platform's own record, which a statement takes over."""

    day: date

    async def store(self, tx: Transaction, *, closing_id: UUID, side: Side, merchant: str) -> SideTotals:
        """Take over the money of an account, or what the HIS took back for all of them."""
        begins, ends = bounds_of(self.day)
        if side is Side.REVERSAL:
            await tx.execute(_REVERSAL_LINES, closing_id, begins, ends, BESIDE_THE_DAY)
        else:
            await tx.execute(_PLATFORM_LINES, closing_id, merchant, begins, ends, BESIDE_THE_DAY)
        row = await tx.fetchrow(_TOTALS, closing_id, side, None if side is Side.REVERSAL else merchant)
        assert row is not None, "an aggregate gives a row"
        totals = SideTotals(row["line_count"], row["paid_fen"], row["refunded_fen"])
        await store_totals(tx, totals, closing_id=closing_id, side=side, merchant=merchant)
        return totals


class PlatformRecord:
    """The platform's record of the money of one account."""

    side: Side = Side.PLATFORM

    def __init__(self, merchant: str) -> None:
        self.merchant = merchant

    async def fetch(self, day: date) -> RecordOfDay:
        """Name the day; nothing has to be fetched."""
        return RecordOfDay(day)


class ReversalRecord:
    """The platform's record of what it had the HIS take back."""

    side: Side = Side.REVERSAL
    merchant: str = HIS

    async def fetch(self, day: date) -> RecordOfDay:
        """Name the day; nothing has to be fetched."""
        return RecordOfDay(day)


class HisReceipts:
    """What the HIS settled and took back under numbers of the platform's."""

    side: Side = Side.HIS
    merchant: str = HIS

    def __init__(self, billing: HisBilling) -> None:
        self._billing = billing

    async def fetch(self, day: date) -> ToldLines:
        """Fetch the receipts of the day, and of its neighbours for what crossed midnight.

        Raises:
            BooksNotReady: the HIS cannot be reached.
        """
        begins, ends = bounds_of(day)
        lines: list[BookLine] = []
        try:
            for one in (day - timedelta(days=1), day, day + timedelta(days=1)):
                receipts = [receipt async for page in self._pages(one) for receipt in page]
                lines += _told_by_his(receipts, begins=begins, ends=ends)
        except HisUnavailable as error:
            raise BooksNotReady(waiting_for=HIS) from error
        return ToldLines(lines)

    async def _pages(self, day: date) -> AsyncIterator[Sequence[HisReceipt]]:
        cursor: str | None = None
        for _ in range(HIS_PAGES_MAX):
            page = await self._billing.receipts_of_day(day, cursor)
            yield page.receipts
            cursor = page.next_cursor
            if cursor is None:
                return
        raise BooksNotReady(waiting_for=HIS)


def _told_by_his(receipts: Sequence[HisReceipt], *, begins: datetime, ends: datetime) -> Iterator[BookLine]:
    """Leave out what the window took and what moved no money."""
    earliest, latest = begins - BESIDE_THE_DAY, ends + BESIDE_THE_DAY
    for receipt in receipts:
        # What the insurance paid alone is its own payment; beside cash its part is in no channel's bill.
        moved_fen = receipt.total_fen if receipt.channel == ChannelCode.INSURANCE.value else receipt.cash_fen
        if receipt.at_window or receipt.number is None or not moved_fen:
            continue
        if not earliest <= receipt.made_at < latest:
            continue
        goes_back = receipt.kind in {ReceiptKind.REVERSAL, ReceiptKind.DEPOSIT_RETURN}
        yield BookLine(
            LineKind.REFUND if goes_back else LineKind.PAYMENT,
            receipt.receipt_no,
            abs(moved_fen),
            receipt.made_at,
            channel_no=receipt.transaction_no or None,
            settlement_no=receipt.number,
            is_of_day=begins <= receipt.made_at < ends,
        )
