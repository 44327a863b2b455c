"""A day's books with everything that this hospital has: its accounts, its channels, its HIS.

A day that cannot be closed is written down with its reason until it is closed, so that somebody sees it
(`payment_unclosed_books`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from kernel import clock
from kernel.db import Database, Reader
from kernel.errors import HospitalError
from kernel.log import get_logger
from payments.billing import billing_if_any
from payments.books.closings import Closing, LineSource, close_books, keep_books
from payments.books.errors import (
    BillUnreadable,
    BooksDoNotBalance,
    BooksNotReady,
    BooksOutdated,
    DayAlreadyClosed,
    RunSuperseded,
    TooManyDifferences,
)
from payments.books.sources import ChannelBill, HisReceipts, PlatformRecord, ReversalRecord, bounds_of
from payments.gateways.port import ChannelCode, Merchant
from payments.merchants import gateway_of, list_merchants_of_day

BILLED: Final = frozenset({ChannelCode.WECHATPAY, ChannelCode.ALIPAY})
"""Channels that write a bill of their own; a window's drawer does not."""
OPENS_AT: Final = time(10, 15)
"""WeChat Pay has the bill of the day before ready after ten, Alipay after nine."""
PERIOD: Final = timedelta(minutes=20)
DAYS_BACK: Final = 7

log = get_logger("payments.books")


class Obstacle(NamedTuple):
    """Why a day could not be closed; `reason` is the code of an error."""

    day: date
    reason: str
    facts: Mapping[str, Any]


async def keep_and_close(db: Database, day: date, *, by: str) -> Closing:
    """Keep a day's books and close them; what differs is in the report and stays open for people.

    Raises:
        DayNotOver, DayAlreadyClosed, BooksNotReady, BillUnreadable, TooManyDifferences, RunSuperseded, BooksOutdated,
        BooksDoNotBalance, DatabaseUnavailable.
    """
    try:
        await keep(db, day, by=by)
        return await close_books(db, day, by=by)
    except (BooksNotReady, BillUnreadable, TooManyDifferences, BooksDoNotBalance) as error:
        await _note_obstacle(db, day, error)
        raise


async def keep(db: Database, day: date, *, by: str) -> None:
    """Fetch every side's part of a day and compare them; it may be done again until the day is closed.

    Raises:
        DayNotOver, DayAlreadyClosed, BooksNotReady, BillUnreadable, TooManyDifferences, RunSuperseded,
        DatabaseUnavailable.
    """
    await keep_books(db, day, await _sources(db, day), rates=await _rates(db), by=by)


async def close_past_days(db: Database) -> int:
    """Close what is not closed of the past week, the oldest first; give how many days were closed."""
    if clock.now().astimezone(clock.SHANGHAI).time() < OPENS_AT:
        return 0
    closed = 0
    for day in await _days_to_close(db):
        try:
            await keep_and_close(db, day, by="system:timetable")
            closed += 1
        except (BooksNotReady, BooksOutdated, RunSuperseded, DayAlreadyClosed) as error:
            log.info("books_put_off", day=str(day), reason=error.code)
        except (BillUnreadable, TooManyDifferences, BooksDoNotBalance) as error:
            log.error("books_stuck", day=str(day), reason=error.code, **error.details)
    return closed


async def read_obstacle(db: Reader, day: date) -> Obstacle | None:
    """Say why a day could not be closed when that was last tried; None: it was not tried, or is closed.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT day, reason, facts FROM book_obstacle WHERE day = $1", day)
    return Obstacle(*rows[0].values()) if rows else None


async def _sources(db: Database, day: date) -> Sequence[LineSource]:
    begins, ends = bounds_of(day)
    sources: list[LineSource] = []
    for merchant in await list_merchants_of_day(db, begins, ends):
        if merchant.channel in BILLED:
            sources.append(_bill_of(merchant))
        sources.append(PlatformRecord(merchant.code))
    his = billing_if_any()
    if his is not None:
        sources += [ReversalRecord(), HisReceipts(his)]
    return sources


def _bill_of(merchant: Merchant) -> ChannelBill:
    return ChannelBill(partial(gateway_of, merchant), merchant)


async def _note_obstacle(db: Database, day: date, error: HospitalError) -> None:
    """Write down why a day stays open; the time since when stays while the reason does."""
    await db.execute(
        "INSERT INTO book_obstacle AS o (day, reason, facts, since, last_at) VALUES ($1, $2, $3, $4, $4)"
        " ON CONFLICT (day) DO UPDATE SET reason = $2, facts = $3, last_at = $4,"
        " since = CASE WHEN o.reason = $2 THEN o.since ELSE $4 END",
        day,
        error.code,
        dict(error.details),
        clock.now(),
    )


async def _days_to_close(db: Database) -> Sequence[date]:
    """Give the days of the past week on which money moved, and yesterday, so far as they are not closed."""
    today = clock.today()
    rows = await db.fetch(
        "SELECT day::date FROM generate_series($1::date - $2::int, $1::date - 1, interval '1 day') AS past (day)"
        " WHERE NOT EXISTS (SELECT FROM book_closing c WHERE c.day = past.day::date AND c.status = 'closed')"
        " AND (past.day::date = $1::date - 1 OR EXISTS (SELECT FROM ledger_entry e"
        "      WHERE e.occurred_at >= past.day::date::timestamp AT TIME ZONE 'Asia/Shanghai'"
        "      AND e.occurred_at < (past.day::date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'))"
        " AND EXISTS (SELECT FROM payment_merchant) ORDER BY day",
        today,
        DAYS_BACK,
    )
    return [row["day"] for row in rows]


async def _rates(db: Database) -> dict[str, int]:
    rows = await db.fetch(
        "SELECT code, fee_rate_millionths FROM payment_merchant WHERE fee_rate_millionths IS NOT NULL ORDER BY code"
    )
    return {row["code"]: row["fee_rate_millionths"] for row in rows}
