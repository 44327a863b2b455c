"""Comparing the three sides of a day: channel and platform by our number, platform and HIS by the settlement.

Everything is decided by PostgreSQL in a few statements over the stored lines, so a day of a million lines fits in
little memory, and a second run over the same lines finds the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from kernel.db import Transaction
from kernel.ids import new_id
from payments.books.errors import TooManyDifferences

FEE_TOLERANCE_FEN: Final = 1
RATE_UNIT: Final = 1_000_000
DIFFERENCES_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Cause:
    """What a kind of difference most likely comes from, and what to do about it: stable words."""

    cause: str
    proposal: str
    explains_itself: bool = False


CAUSES: Final[Mapping[str, Cause]] = {
    "surplus": Cause("not-known-here", "ask-channel-then-apply-or-refund"),
    "shortage": Cause("not-in-bill", "ask-channel"),
    "amount": Cause("amounts-differ", "ask-finance"),
    "duplicate": Cause("listed-twice", "ask-channel"),
    "refund-only": Cause("refunded-elsewhere", "find-who-refunded"),
    "cross-midnight": Cause("other-day", "nothing", explains_itself=True),
    "fee": Cause("rate-differs", "ask-channel"),
    "his-missing": Cause("not-settled-in-his", "settle-again-or-refund"),
    "his-surplus": Cause("settled-without-payment", "reverse-in-his"),
    "his-amount": Cause("amounts-differ", "ask-finance"),
}

# A number that the day's bill has, once for each of its lines; ours may stand shortly before or after the day.
_CHANNEL_AND_PLATFORM: Final = """
WITH paired AS (
    SELECT merchant, kind, number,
           count(*) FILTER (WHERE side = 'channel')                AS channel_lines,
           max(amount_fen) FILTER (WHERE side = 'channel')         AS channel_fen,
           max(amount_fen) FILTER (WHERE side = 'platform')        AS platform_fen,
           bool_or(is_of_day) FILTER (WHERE side = 'platform')     AS is_of_day
    FROM book_line WHERE closing_id = $1 AND side IN ('channel', 'platform')
    -- A window's drawer writes no bill.
    AND merchant IN (SELECT merchant FROM book_source WHERE closing_id = $1 AND side = 'channel')
    GROUP BY merchant, kind, number
), named AS (
    SELECT merchant, kind, number, channel_fen, platform_fen,
           CASE WHEN channel_lines > 1 THEN 'duplicate'
                WHEN platform_fen IS NULL THEN CASE kind WHEN 'payment' THEN 'surplus' ELSE 'refund-only' END
                WHEN channel_lines = 0 AND is_of_day THEN 'shortage'
                WHEN channel_lines = 0 THEN NULL
                WHEN channel_fen <> platform_fen THEN 'amount'
                WHEN NOT is_of_day THEN 'cross-midnight'
           END AS found
    FROM paired
)
SELECT found, kind, merchant, number, channel_fen, platform_fen, NULL::bigint AS his_fen
FROM named WHERE found IS NOT NULL ORDER BY found, merchant, kind, number LIMIT $2
"""

_PLATFORM_AND_HIS: Final = """
WITH paired AS (
    SELECT kind, settlement_no,
           sum(amount_fen) FILTER (WHERE side <> 'his')            AS platform_fen,
           sum(amount_fen) FILTER (WHERE side = 'his')             AS his_fen,
           bool_or(is_of_day) FILTER (WHERE side <> 'his')         AS is_platforms_day,
           bool_or(is_of_day) FILTER (WHERE side = 'his')          AS is_his_day,
           coalesce(max(merchant) FILTER (WHERE side <> 'his'), max(merchant)) AS merchant
    FROM book_line WHERE closing_id = $1 AND side IN ('platform', 'reversal', 'his') AND settlement_no IS NOT NULL
    GROUP BY kind, settlement_no
), named AS (
    SELECT *, CASE WHEN platform_fen IS NULL AND is_his_day THEN 'his-surplus'
                   WHEN his_fen IS NULL AND is_platforms_day THEN 'his-missing'
                   WHEN platform_fen IS NULL OR his_fen IS NULL THEN NULL
                   WHEN NOT (is_platforms_day OR is_his_day) THEN NULL
                   WHEN platform_fen <> his_fen THEN 'his-amount'
                   WHEN is_platforms_day <> is_his_day THEN 'cross-midnight'
              END AS found
    FROM paired
)
SELECT found, kind, merchant, settlement_no AS number, NULL::bigint AS channel_fen,
       platform_fen::bigint AS platform_fen, his_fen::bigint AS his_fen
FROM named WHERE found IS NOT NULL ORDER BY found, merchant, kind, settlement_no LIMIT $2
"""

# $2, $3: merchants and what they were promised, in millionths of the amount.
_FEES: Final = """
SELECT 'fee' AS found, kind, line.merchant, number, fee_fen AS channel_fen,
       (amount_fen * rate + $4 / 2) / $4 AS platform_fen, NULL::bigint AS his_fen
FROM book_line line JOIN unnest($2::text[], $3::bigint[]) AS contract (merchant, rate) USING (merchant)
WHERE closing_id = $1 AND side = 'channel' AND abs(fee_fen - (amount_fen * rate + $4 / 2) / $4) > $5
ORDER BY line.merchant, kind, number LIMIT $6
"""

# A difference is one for the day, however often its books are made; what somebody settled stays settled.
_KEEP: Final = """
WITH kept AS (
    INSERT INTO book_difference AS known (id, day, kind, line_kind, merchant, number, channel_fen, platform_fen,
                                          his_fen, cause, proposal, status, found_by)
    SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                         $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::uuid[])
    ON CONFLICT ON CONSTRAINT book_difference_once DO UPDATE
    SET channel_fen = excluded.channel_fen, platform_fen = excluded.platform_fen, his_fen = excluded.his_fen,
        found_by = excluded.found_by,
        status = CASE known.status WHEN 'vanished' THEN excluded.status ELSE known.status END
    RETURNING id, (xmax = 0) AS is_new
)
INSERT INTO book_event (at, kind, closing_id, difference_id)
SELECT $14, CASE WHEN is_new THEN 'found' ELSE 'found-again' END, $15, id FROM kept
"""

_VANISH: Final = """
WITH gone AS (
    UPDATE book_difference SET status = 'vanished'
    WHERE day = $1 AND found_by <> $2 AND status IN ('open', 'explained') RETURNING id
)
INSERT INTO book_event (at, kind, closing_id, difference_id) SELECT $3, 'vanished', $2, id FROM gone
"""

# Yesterday's bill lacked it, and this day's has it: then it crossed midnight, and nobody has to look.
_EXPLAIN_DAY_BEFORE: Final = """
WITH explained AS (
    UPDATE book_difference lacked SET status = 'explained', cause = 'other-day', proposal = 'nothing'
    WHERE day = $1::date - 1 AND status = 'open' AND EXISTS (
        SELECT FROM book_line line
        WHERE closing_id = $2 AND line.kind = lacked.line_kind AND line.amount_fen = lacked.platform_fen AND (
            lacked.kind = 'shortage' AND side = 'channel' AND line.number = lacked.number
            OR lacked.kind = 'his-missing' AND side = 'his' AND is_of_day AND settlement_no = lacked.number))
    RETURNING id
)
INSERT INTO book_event (at, kind, closing_id, difference_id) SELECT $3, 'explained', $2, id FROM explained
"""


async def find_differences(
    tx: Transaction, *, closing_id: UUID, day: date, rates: Mapping[str, int], now: datetime
) -> int:
    """Name what differs between the sides of a day, and give how many differences a person has to look at.

    rates: by merchant, the fee agreed upon, in millionths of the amount. The same lines give the same differences.

    Raises:
        TooManyDifferences: so many that a whole side must be wrong; nothing was kept of them.
    """
    found = [
        *await tx.fetch(_CHANNEL_AND_PLATFORM, closing_id, DIFFERENCES_MAX),
        *await tx.fetch(_PLATFORM_AND_HIS, closing_id, DIFFERENCES_MAX),
        *await tx.fetch(
            _FEES, closing_id, list(rates), list(rates.values()), RATE_UNIT, FEE_TOLERANCE_FEN, DIFFERENCES_MAX
        ),
    ]
    if len(found) >= DIFFERENCES_MAX:
        raise TooManyDifferences
    causes = [CAUSES[row["found"]] for row in found]
    await tx.execute(
        _KEEP,
        [new_id() for _ in found],
        [day for _ in found],
        [row["found"] for row in found],
        [row["kind"] for row in found],
        [row["merchant"] for row in found],
        [row["number"] for row in found],
        [row["channel_fen"] for row in found],
        [row["platform_fen"] for row in found],
        [row["his_fen"] for row in found],
        [cause.cause for cause in causes],
        [cause.proposal for cause in causes],
        ["explained" if cause.explains_itself else "open" for cause in causes],
        [closing_id for _ in found],
        now,
        closing_id,
    )
    await tx.execute(_VANISH, day, closing_id, now)
    await tx.execute(_EXPLAIN_DAY_BEFORE, day, closing_id, now)
    count: int = await tx.fetchval("SELECT count(*) FROM book_difference WHERE day = $1 AND status = 'open'", day)
    return count
