"""Taking a side's lines of a day over into its books, many at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol
from uuid import UUID

from kernel.db import Transaction
from payments.books.lines import BookLine, LineKind, Side

LINES_A_COPY: Final = 5_000
_COLUMNS: Final = (
    "closing_id",
    "side",
    "merchant",
    "kind",
    "number",
    "amount_fen",
    "occurred_at",
    "channel_no",
    "fee_fen",
    "settlement_no",
    "is_of_day",
)
_SOURCE: Final = """
INSERT INTO book_source (closing_id, side, merchant, line_count, paid_fen, refunded_fen, fee_fen, content_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


@dataclass(slots=True)
class SideTotals:
    """What a side's lines of the day come to, in fen; a fee is what the channel keeps after refunds."""

    line_count: int = 0
    paid_fen: int = 0
    refunded_fen: int = 0
    fee_fen: int = 0

    def add(self, line: BookLine) -> None:
        """Count a line, if it is one of the day."""
        if not line.is_of_day:
            return
        self.line_count += 1
        if line.kind is LineKind.PAYMENT:
            self.paid_fen += line.amount_fen
            self.fee_fen += line.fee_fen or 0
        else:
            self.refunded_fen += line.amount_fen
            self.fee_fen -= line.fee_fen or 0


class SideOfDay(Protocol):
    """One side's part of a day, fetched and ready to be taken over."""

    async def store(self, tx: Transaction, *, closing_id: UUID, side: Side, merchant: str) -> SideTotals:
        """Store every line and what they come to, in one transaction without any call outside.

        Raises:
            BillUnreadable: what was fetched is no bill; the transaction is to be rolled back.
        """
        ...


@dataclass(frozen=True, slots=True)
class ToldLines:
    """Lines that somebody else has told; content_hash: SHA-256 of the bill they are read from."""

    lines: Iterable[BookLine]
    content_hash: bytes | None = None

    async def store(self, tx: Transaction, *, closing_id: UUID, side: Side, merchant: str) -> SideTotals:
        """Read the lines as they are stored. Raises: BillUnreadable."""
        return await store_lines(
            tx, self.lines, closing_id=closing_id, side=side, merchant=merchant, content_hash=self.content_hash
        )


async def store_lines(
    tx: Transaction,
    lines: Iterable[BookLine],
    *,
    closing_id: UUID,
    side: Side,
    merchant: str,
    content_hash: bytes | None = None,
) -> SideTotals:
    """Store a side's lines, all or none, and what they come to.

    Lines are read as they are stored, so memory holds a few thousand of them however long the day was.

    Raises:
        BillUnreadable: whatever reading the lines raises; the transaction is to be rolled back.
    """
    totals = SideTotals()
    remaining = iter(lines)
    while chunk := list(islice(remaining, LINES_A_COPY)):
        for line in chunk:
            totals.add(line)
        await tx.copy("book_line", _COLUMNS, _records(chunk, closing_id=closing_id, side=side, merchant=merchant))
    await store_totals(tx, totals, closing_id=closing_id, side=side, merchant=merchant, content_hash=content_hash)
    return totals


async def store_totals(
    tx: Transaction,
    totals: SideTotals,
    *,
    closing_id: UUID,
    side: Side,
    merchant: str,
    content_hash: bytes | None = None,
) -> None:
    """Write down what a side's lines come to."""
    await tx.execute(
        _SOURCE,
        closing_id,
        side,
        merchant,
        totals.line_count,
        totals.paid_fen,
        totals.refunded_fen,
        totals.fee_fen,
        content_hash,
    )


def _records(lines: Iterable[BookLine], *, closing_id: UUID, side: Side, merchant: str) -> Iterator[tuple[object, ...]]:
    for line in lines:
        yield (
            closing_id,
            side,
            merchant,
            line.kind,
            line.number,
            line.amount_fen,
            line.occurred_at,
            line.channel_no,
            line.fee_fen,
            line.settlement_no,
            line.is_of_day,
        )
