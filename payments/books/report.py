"""The closing report of a day: what each side has, what the ledger has, and that the two agree to the fen."""

from datetime import date
from typing import Any, Final
from uuid import UUID

from kernel.db import Transaction
from payments.books.errors import BooksDoNotBalance, BooksOutdated
from payments.books.sources import bounds_of
from payments.ledger import clearing

LATE_ENTRIES_MAX: Final = 1_000

# What an account's money came to, by the lines that were compared, by the record as it is now, and by the ledger.
_ACCOUNTS: Final = """
WITH compared AS (
    SELECT merchant, paid_fen - refunded_fen AS fen FROM book_source WHERE closing_id = $1 AND side = 'platform'),
recorded AS (
    SELECT merchant_code AS merchant, sum(fen)::bigint AS fen FROM (
        SELECT merchant_code, amount_fen AS fen FROM payment_transaction WHERE paid_at >= $2 AND paid_at < $3
        UNION ALL
        SELECT merchant_code, -amount_fen FROM payment_refund WHERE channel_paid_at >= $2 AND channel_paid_at < $3
    ) moved GROUP BY merchant_code),
posted AS (
    SELECT substr(p.account, length('clearing:') + 1) AS merchant, sum(p.amount_fen)::bigint AS fen
    FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id
    WHERE e.occurred_at >= $2 AND e.occurred_at < $3 AND p.account LIKE 'clearing:%' GROUP BY p.account)
SELECT merchant, coalesce(compared.fen, 0) AS compared, coalesce(recorded.fen, 0) AS recorded,
       coalesce(posted.fen, 0) AS posted
FROM compared FULL JOIN recorded USING (merchant) FULL JOIN posted USING (merchant) ORDER BY merchant
"""
_LEDGER: Final = """
SELECT p.account, coalesce(sum(p.amount_fen) FILTER (WHERE p.amount_fen > 0), 0)::bigint AS debit_fen,
       -coalesce(sum(p.amount_fen) FILTER (WHERE p.amount_fen < 0), 0)::bigint AS credit_fen
FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id
WHERE e.occurred_at >= $1 AND e.occurred_at < $2 GROUP BY p.account ORDER BY p.account
"""
# Entries of earlier days that became known only after those days were closed.
_LATE: Final = """
SELECT e.business_key, e.kind, e.occurred_at, e.recorded_at, p.account, p.amount_fen
FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id
WHERE e.occurred_at < $1 AND e.recorded_at > (
    SELECT max(closed_at) FROM book_closing
    WHERE status = 'closed' AND day = (e.occurred_at AT TIME ZONE 'Asia/Shanghai')::date)
AND NOT EXISTS (
    SELECT FROM book_closing later WHERE later.status = 'closed' AND later.day < $2 AND later.closed_at > e.recorded_at)
ORDER BY e.id, p.position LIMIT $3
"""


async def make_report(tx: Transaction, closing_id: UUID, day: date) -> dict[str, Any]:
    """Put the closing report of a day together, amounts in fen.

    Raises:
        BooksOutdated: something of the day became known after its lines were compared.
        BooksDoNotBalance: an account's record and the ledger differ; `accounts` names them.
    """
    begins, ends = bounds_of(day)
    accounts = await tx.fetch(_ACCOUNTS, closing_id, begins, ends)
    wrong = [clearing(row["merchant"]) for row in accounts if row["recorded"] != row["posted"]]
    if wrong:
        raise BooksDoNotBalance(accounts=wrong)
    if any(row["compared"] != row["recorded"] for row in accounts):
        raise BooksOutdated
    sides = await tx.fetch(
        "SELECT side, merchant, line_count, paid_fen, refunded_fen, fee_fen,"
        " encode(content_hash, 'hex') AS content_hash FROM book_source WHERE closing_id = $1 ORDER BY merchant, side",
        closing_id,
    )
    differences = await tx.fetch(
        "SELECT kind, status, count(*) AS count FROM book_difference WHERE day = $1"
        " GROUP BY kind, status ORDER BY kind, status",
        day,
    )
    late = await tx.fetch(_LATE, begins, day, LATE_ENTRIES_MAX)
    return {
        "sides": [dict(row) for row in sides],
        "accounts": [{"account": clearing(row["merchant"]), "net_fen": row["posted"]} for row in accounts],
        "ledger": [dict(row) for row in await tx.fetch(_LEDGER, begins, ends)],
        "late_entries": [
            dict(row) | {name: row[name].isoformat() for name in ("occurred_at", "recorded_at")} for row in late
        ],
        "differences": [dict(row) for row in differences],
        "ledger_entry_id_last": await tx.fetchval("SELECT coalesce(max(id), 0) FROM ledger_entry"),
    }
