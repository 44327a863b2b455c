"""The day's books after the storm: channels' bills, platform and HIS, three ways, and twice with the same result."""

from collections.abc import Callable, Collection
from datetime import date
from typing import Final

from kernel.db import Database
from tests.platform import Hospital, command

CLOSE_SECONDS_MAX: Final = 300

# The HIS may have settled what nobody has paid for in one case only: a person gave the settlement up, and then persons
# kept the money, or sent it though the HIS had not taken it back.
_UNEXPLAINED: Final = """
SELECT d.kind, d.line_kind, d.number, d.channel_fen, d.platform_fen, d.his_fen FROM book_difference d
WHERE d.day = $1 AND d.status <> 'vanished' AND NOT EXISTS (
    SELECT FROM payment_settlement s JOIN payment_refund r ON r.transaction_id = s.transaction_id
    WHERE d.kind = 'his-surplus' AND s.settlement_no = d.number AND s.status = 'rejected' AND s.decided_by = 'person'
      AND coalesce(r.reversal_no, '') = '' AND (r.status IN ('declined', 'cancelled') OR EXISTS (
          SELECT FROM payment_exception e WHERE e.refund_id = r.id AND e.action = 'proceed')))
"""

_DIFFERENCES: Final = (
    "SELECT kind, line_kind, merchant, number, channel_fen, platform_fen, his_fen FROM book_difference"
    " WHERE day = $1 AND status <> 'vanished' ORDER BY kind, line_kind, merchant, number"
)


async def close(
    platform: Hospital, db: Database, day: date, *, merchants: Collection[str], say: Callable[[str], None]
) -> list[str]:
    """Keep the books of a day twice and close them; list what nobody has decided on, and what was found once only."""
    found = []
    for what in ("keep", "keep", "close"):
        arguments = ("books", what, "--date", day.isoformat(), "--by", "S0001")
        done = command(platform.data, *arguments, environment=platform.environment, seconds=CLOSE_SECONDS_MAX)
        found.append([tuple(row.values()) for row in await db.fetch(_DIFFERENCES, day)])
    for line in done.stdout.splitlines():
        say(line)
    faults = [f"the books differ when they are kept again: {one}, {found[0]}" for one in found[1:] if one != found[0]]
    told = {row["merchant_code"] for row in await db.fetch("SELECT DISTINCT merchant_code FROM payment_transaction")}
    faults += [f"nothing was paid by {one}" for one in sorted(set(merchants) - told)]
    return faults + [f"books: {dict(row)} is explained by nobody" for row in await db.fetch(_UNEXPLAINED, day)]
