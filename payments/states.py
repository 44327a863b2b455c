"""The tables by which orders, attempts, settlements and refunds change; nothing else may change their status.

Money may come at any time: an attempt that we closed can still turn out to be paid, and an order that is over can still
be paid for. What is closed here is never closed for a fact of a channel's.
"""

from collections.abc import Sequence

from kernel.db import Row, Transaction
from kernel.states import TransitionTable


def _table(**steps: set[str]) -> TransitionTable:
    return TransitionTable({status: frozenset(afters) for status, afters in steps.items()})


# open: may be paid; closing: its time is over and the channels are being asked; rejected: paid, cannot be had, and the
# money goes back.
ORDER = _table(
    open={"closing", "closed", "paid"},
    closing={"closed", "paid"},
    closed={"paid"},
    paid={"settled", "rejected"},
    settled={"refunded"},
    rejected={"refunded"},
    refunded=set(),
)

# disputed: the channel took money that does not fit what was asked.
ATTEMPT = _table(
    created={"prepared", "paid", "closed", "failed", "disputed"},
    prepared={"paid", "closed", "disputed"},
    paid=set(),
    closed={"paid", "disputed"},
    failed={"paid", "closed", "disputed"},
    disputed=set(),
)

# unknown: the HIS was told and has not said; only its answer or a person ends that.
SETTLEMENT = _table(
    accepting={"pending", "rejected"},
    pending={"unknown", "settled", "rejected"},
    unknown={"settled", "rejected"},
    settled=set(),
    rejected=set(),
)

# reversing: the HIS undoes its settlement first; ready: may be put to the channel; processing: was put to it.
REFUND = _table(
    requested={"reversing", "ready", "declined"},
    reversing={"ready", "abnormal"},
    ready={"processing", "succeeded", "abnormal"},
    processing={"succeeded", "abnormal"},
    abnormal={"reversing", "ready", "succeeded", "paid_offline", "cancelled"},
    succeeded=set(),
    paid_offline=set(),
    cancelled=set(),
    declined=set(),
)

NOTIFICATION = _table(
    pending={"applied", "ignored", "dead"},
    applied=set(),
    ignored=set(),
    dead={"pending", "applied", "ignored"},
)

EXCEPTION = _table(open={"resolved"}, resolved=set())

_TABLES = {
    "payment_order": ORDER,
    "payment_attempt": ATTEMPT,
    "payment_settlement": SETTLEMENT,
    "payment_refund": REFUND,
}


async def change_status(
    tx: Transaction, table: str, row_id: object, *, to: str, sets: str = "", values: Sequence[object] = ()
) -> Row | None:
    """Move a row on if its table allows the step from where it stands; give the row, or None when it does not.

    sets: further columns (`paid_at = $4`), of our own making, with their values from $4 on.
    """
    more = f", {sets}" if sets else ""
    rows = await tx.fetch(
        f"UPDATE {table} SET status = $2{more} WHERE id = $1 AND status = ANY ($3) RETURNING *",  # noqa: S608  our own names
        row_id,
        to,
        _TABLES[table].before(to),
        *values,
    )
    return rows[0] if rows else None
