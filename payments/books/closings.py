"""Keeping the books of a day: every side's lines are taken over, compared, and at last closed.

A run may be repeated until the day is closed; it supersedes the one before, and what people have settled stays
settled. Nothing is fetched inside a transaction. Whoever keeps books of the same day at the same time takes turns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from kernel import clock
from kernel.db import Database, Reader, Transaction
from kernel.ids import new_id
from kernel.log import get_logger
from payments.books.bill_facts import apply_bill_lines
from payments.books.errors import BooksOutdated, ClosingNotFound, DayAlreadyClosed, DayNotOver, RunSuperseded
from payments.books.lines import Side
from payments.books.matching import find_differences
from payments.books.report import make_report
from payments.books.states import CLOSING
from payments.books.storage import SideOfDay, SideTotals

SUPERSEDED_LINES_A_PURGE: Final = 200_000

log = get_logger("payments.books")


class LineSource(Protocol):
    """Where one side's lines of a day come from."""

    side: Side
    merchant: str

    async def fetch(self, day: date) -> SideOfDay:
        """Get a clinic day's lines.

        Raises:
            BooksNotReady: this side has not told its part yet.
            BillUnreadable: what it told is no bill.
        """
        ...


@dataclass(frozen=True, slots=True)
class Closing:
    """The books of a day as they stand."""

    id: UUID
    day: date
    run: int
    status: str
    started_at: datetime
    matched_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    report: Mapping[str, Any] | None


async def keep_books(
    database: Database, day: date, sources: Sequence[LineSource], *, rates: Mapping[str, int], by: str
) -> Closing:
    """Take every side's lines of a day over and compare them; a run before this one is superseded.

    Raises:
        DayNotOver: it is today, or to come.
        DayAlreadyClosed: its books are closed.
        BooksNotReady, BillUnreadable: a side could not be taken over; the run stays and is repeated.
        TooManyDifferences: a side must be of another day.
        RunSuperseded: somebody began the same day anew meanwhile.
    """
    closing_id = await _begin(database, day, by=by)
    # What the channels' bills say first, so that the platform's record has what only they knew.
    for source in sorted(sources, key=lambda one: one.side is not Side.CHANNEL):
        if source.side is not Side.CHANNEL:
            await apply_bill_lines(database, closing_id)
        told = await source.fetch(day)
        async with database.transaction() as tx:
            await _require(tx, closing_id, "collecting", day)
            totals = await told.store(tx, closing_id=closing_id, side=source.side, merchant=source.merchant)
        log.info("books_side_taken", day=str(day), side=source.side, merchant=source.merchant, lines=totals.line_count)
    async with database.transaction() as tx:
        await _require(tx, closing_id, "collecting", day)
        now = clock.now()
        left = await find_differences(tx, closing_id=closing_id, day=day, rates=rates, now=now)
        await tx.execute(
            "UPDATE book_closing SET status = 'matched', matched_at = $2 WHERE id = $1 AND status = ANY($3)",
            closing_id,
            now,
            CLOSING.before("matched"),
        )
        await _tell(tx, "matched", closing_id, by=by)
    log.info("books_matched", day=str(day), open_differences=left)
    return await get_closing(database, day)


async def get_closing(reader: Reader, day: date) -> Closing:
    """Give the books of a day as they stand.

    Raises:
        ClosingNotFound: none were kept.
    """
    rows = await reader.fetch(
        "SELECT id, day, run, status, started_at, matched_at, closed_at, closed_by, report FROM book_closing"
        " WHERE day = $1 AND status <> 'superseded'",
        day,
    )
    if not rows:
        raise ClosingNotFound
    return Closing(**rows[0])


async def list_closings(reader: Reader, *, before: date | None, limit: int) -> list[Closing]:
    """List the books that are kept, the latest day first; `before` is the last day of the page before."""
    rows = await reader.fetch(
        "SELECT id, day, run, status, started_at, matched_at, closed_at, closed_by, report FROM book_closing"
        " WHERE status <> 'superseded' AND ($1::date IS NULL OR day < $1) ORDER BY day DESC LIMIT $2",
        before,
        limit,
    )
    return [Closing(**row) for row in rows]


async def list_totals(reader: Reader, closing_id: UUID) -> dict[tuple[str, str], SideTotals]:
    """Give what each side's lines come to, by side and merchant."""
    rows = await reader.fetch(
        "SELECT side, merchant, line_count, paid_fen, refunded_fen, fee_fen FROM book_source"
        " WHERE closing_id = $1 ORDER BY merchant, side",
        closing_id,
    )
    return {
        (row["side"], row["merchant"]): SideTotals(
            row["line_count"], row["paid_fen"], row["refunded_fen"], row["fee_fen"]
        )
        for row in rows
    }


async def close_books(database: Database, day: date, *, by: str) -> Closing:
    """Close the books of a day over what was compared: from then on its report does not change.

    What differs may stay open; it is in the report, and people settle it afterwards.

    Raises:
        ClosingNotFound: no books were kept.
        DayAlreadyClosed.
        BooksOutdated: something of the day became known after they were compared; keep them again.
        BooksDoNotBalance: the platform's record and its ledger differ.
    """
    async with database.transaction() as tx:
        row = await tx.fetchrow(
            "SELECT id, status FROM book_closing WHERE day = $1 AND status <> 'superseded' FOR UPDATE", day
        )
        if row is None:
            raise ClosingNotFound
        if row["status"] == "closed":
            raise DayAlreadyClosed
        if row["status"] not in CLOSING.before("closed"):
            raise BooksOutdated
        report = await make_report(tx, row["id"], day)
        await tx.execute(
            "UPDATE book_closing SET status = 'closed', closed_at = $2, closed_by = $3, report = $4"
            " WHERE id = $1 AND status = ANY($5)",
            row["id"],
            clock.now(),
            by,
            report,
            CLOSING.before("closed"),
        )
        await tx.execute("DELETE FROM book_obstacle WHERE day = $1", day)
        await _tell(tx, "closed", row["id"], by=by)
    return await get_closing(database, day)


async def purge_superseded(database: Database) -> int:
    """Remove the lines of runs that were superseded, some at a time; give how many."""
    return await database.execute(
        "DELETE FROM book_line WHERE ctid IN (SELECT line.ctid FROM book_line line"
        " JOIN book_closing closing ON closing.id = line.closing_id WHERE closing.status = 'superseded' LIMIT $1)",
        SUPERSEDED_LINES_A_PURGE,
    )


async def _begin(database: Database, day: date, *, by: str) -> UUID:
    if day >= clock.today():
        raise DayNotOver
    closing_id, now = new_id(), clock.now()
    async with database.transaction() as tx:
        # Two that begin at once take turns, so that the later supersedes the earlier.
        await tx.execute("SELECT pg_advisory_xact_lock(hashtext('book_closing'), $1)", day.toordinal())
        if await tx.fetchval("SELECT 1 FROM book_closing WHERE day = $1 AND status = 'closed'", day):
            raise DayAlreadyClosed
        old = await tx.fetchval(
            "UPDATE book_closing SET status = 'superseded' WHERE day = $1 AND status = ANY($2) RETURNING id",
            day,
            CLOSING.before("superseded"),
        )
        if old is not None:
            await _tell(tx, "superseded", old, by=by)
        await tx.execute(
            "INSERT INTO book_closing (id, day, run, status, started_at)"
            " SELECT $1, $2, coalesce(max(run), 0) + 1, 'collecting', $3 FROM book_closing WHERE day = $2",
            closing_id,
            day,
            now,
        )
        await _tell(tx, "started", closing_id, by=by)
    return closing_id


async def _require(tx: Transaction, closing_id: UUID, status: str, day: date) -> None:
    """Hold a run as it is until the transaction ends; a run that was superseded meanwhile stores nothing more."""
    found = await tx.fetchval("SELECT status FROM book_closing WHERE id = $1 FOR UPDATE", closing_id)
    if found != status:
        log.warning("books_run_superseded", day=str(day))
        raise RunSuperseded


async def _tell(tx: Transaction, kind: str, closing_id: UUID, *, by: str) -> None:
    await tx.execute(
        "INSERT INTO book_event (at, kind, closing_id, by) VALUES ($1, $2, $3, $4)", clock.now(), kind, closing_id, by
    )
