"""Where each fen is after the storm, and whether every kind of thing that was to be tried was tried, and came about."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import asyncpg

from tests.chaos.payers import WAYS

_PAYMENTS: Final = """
SELECT a.attempt_no, o.kind, o.status, t.role, t.channel, t.amount_fen, ap.status AS appointment, ap.payment,
    coalesce(r.back, 0)::bigint AS back_fen, coalesce(r.offline, 0)::bigint AS offline_fen,
    coalesce(r.given_up, 0)::bigint AS given_up_fen,
    s.is_late, s.status AS settlement, d.status AS discharge,
    EXISTS (SELECT FROM payment_exception e WHERE e.order_id = o.id AND e.status = 'open') AS has_case,
    EXISTS (SELECT FROM payment_exception e WHERE e.transaction_id = t.id AND e.action = 'explain'
            AND e.resolved_by NOT LIKE 'system:%') AS is_explained
FROM payment_transaction t JOIN payment_order o ON o.id = t.order_id JOIN payment_attempt a ON a.id = t.attempt_id
LEFT JOIN (SELECT transaction_id, sum(amount_fen) FILTER (WHERE status = 'succeeded') AS back,
           sum(amount_fen) FILTER (WHERE status = 'paid_offline') AS offline,
           sum(amount_fen) FILTER (WHERE status = 'cancelled') AS given_up
           FROM payment_refund GROUP BY transaction_id) r ON r.transaction_id = t.id
LEFT JOIN payment_settlement s ON s.transaction_id = t.id
LEFT JOIN registration_order l ON l.order_id = o.id LEFT JOIN appointment ap ON ap.id = l.appointment_id
LEFT JOIN inpatient_deposit i ON i.order_id = o.id LEFT JOIN payment_discharge d ON d.admission_no = i.admission_no
"""


async def explain_every_fen(db: asyncpg.Connection) -> tuple[dict[str, int], list[str]]:
    """Say what became of the money of each payment, in fen; list what is not explained.

    Money is explained when it went back, when what was paid for stands and the HIS has settled it, when a person has
    decided that it stays, or while a case for a person is open.
    """
    fen: Counter[str] = Counter()
    faults = []
    for row in await db.fetch(_PAYMENTS):
        fen[f"{row['kind']}: went back by {row['channel']}"] += row["back_fen"]
        fen[f"{row['kind']}: went back by other means, a cashier's proof"] += row["offline_fen"]
        kept = row["amount_fen"] - row["back_fen"] - row["offline_fen"]
        if kept < 0:
            faults.append(f"more went back than was paid: {dict(row)}")
        elif kept:
            where = _where(row)
            fen[f"{row['kind']}: {where}"] += kept
            if where == "NOT EXPLAINED":
                faults.append(f"payment {dict(row)} is not explained")
        # A settlement that a person has given up leaves the number booked, and its fee refunded.
        is_had = row["appointment"] == "booked" and row["role"] == "accepted" and row["status"] == "settled"
        if is_had and row["payment"] != "paid":
            faults.append(f"appointment of {row['attempt_no']} says {row['payment']} and is paid")
    return {name: amount for name, amount in sorted(fen.items()) if amount}, faults


def _where(row: asyncpg.Record) -> str:
    """Say why what is left of a payment is still the hospital's."""
    is_settled = row["role"] == "accepted" and row["status"] == "settled"
    stands = row["appointment"] == "booked" if row["kind"] == "registration" else True
    if is_settled and stands:
        return "stands, settled in the HIS"
    if row["has_case"]:
        return "open case"
    if row["given_up_fen"]:
        return "its refund was given up by a person"
    return "kept by a person's decision" if row["is_explained"] else "NOT EXPLAINED"


# Each gives one number: how often it came about.
_OUTCOMES: Final[Mapping[str, str]] = {
    "number paid, booked and settled": "SELECT count(*) FROM registration_order l JOIN appointment a"
    " ON a.id = l.appointment_id JOIN payment_order o ON o.id = l.order_id"
    " WHERE a.status = 'booked' AND o.status = 'settled'",
    "number cancelled and refunded": "SELECT count(*) FROM payment_order WHERE kind = 'registration'"
    " AND status = 'refunded' AND settled_at IS NOT NULL",
    "late money that was accepted or sent back": "SELECT count(*) FROM payment_settlement WHERE is_late",
    "several bills in one payment": "SELECT count(*) FROM payment_order o WHERE o.status IN ('settled', 'refunded')"
    " AND (SELECT count(*) FROM bill_snapshot_bill b WHERE b.order_id = o.id) > 1",
    "bills refunded in part": "SELECT count(*) FROM payment_order WHERE kind = 'outpatient_bill'"
    " AND status = 'settled' AND refunded_fen > 0",
    "bills refunded whole": "SELECT count(*) FROM payment_order WHERE kind = 'outpatient_bill'"
    " AND status = 'refunded' AND settled_at IS NOT NULL",
    "bills refused by the HIS, money sent back": "SELECT count(*) FROM payment_order o JOIN payment_settlement s"
    " ON s.order_id = o.id WHERE o.kind = 'outpatient_bill' AND s.status = 'rejected'",
    "refund refused by the HIS": "SELECT count(*) FROM payment_exception WHERE cause = 'reversal_refused'",
    "deposit settled": "SELECT count(*) FROM payment_order WHERE kind = 'deposit' AND settled_at IS NOT NULL",
    "deposit returned": "SELECT count(*) FROM payment_order WHERE kind = 'deposit' AND refunded_fen > 0",
    "stay settled with a surplus": "SELECT count(*) FROM payment_discharge WHERE surplus_fen > 0",
    "stay settled by paying the balance": "SELECT count(*) FROM payment_order WHERE kind = 'discharge'"
    " AND status = 'settled'",
    "surplus returned by a channel": "SELECT count(*) FROM payment_discharge WHERE returned_fen > 0",
    "surplus paid out by a cashier": "SELECT count(*) FROM payment_discharge WHERE payout_at IS NOT NULL",
    "paid by WeChat Pay": "SELECT count(*) FROM payment_transaction WHERE channel = 'wechatpay'",
    "paid by Alipay": "SELECT count(*) FROM payment_transaction WHERE channel = 'alipay'",
    "paid in cash": "SELECT count(*) FROM payment_transaction WHERE channel = 'cash'",
    "paid by card": "SELECT count(*) FROM payment_transaction WHERE channel = 'card'",
    "paid by a relative's code": "SELECT count(*) FROM payment_transaction t"
    " WHERE EXISTS (SELECT FROM pay_code c WHERE c.order_id = t.order_id)",
    "paid a second time, sent back": "SELECT count(*) FROM payment_refund WHERE cause = 'surplus'"
    " AND status IN ('succeeded', 'paid_offline')",
    "disputed money sent back": "SELECT count(*) FROM payment_refund WHERE cause = 'disputed'"
    " AND status IN ('succeeded', 'paid_offline')",
    "refund stuck at a channel, put right by a person": "SELECT count(*) FROM payment_exception"
    " WHERE cause = 'refund_abnormal' AND status = 'resolved' AND resolved_by NOT LIKE 'system:%'",
    "refund paid by other means": "SELECT count(*) FROM payment_refund WHERE status = 'paid_offline'",
    "settlement unknown, decided by a person": "SELECT count(*) FROM payment_exception"
    " WHERE cause = 'settlement_unknown' AND status = 'resolved' AND resolved_by NOT LIKE 'system:%'",
    "refund approved by a second person": "SELECT count(*) FROM payment_refund WHERE approved_by IS NOT NULL",
    "refund handed over at the window": "SELECT count(*) FROM payment_refund r JOIN payment_merchant m"
    " ON m.code = r.merchant_code WHERE m.channel IN ('cash', 'card') AND r.status = 'succeeded'",
    "receipt refused, asked for again by a person": "SELECT count(*) FROM change_log WHERE entity = 'fiscal_receipt'",
    "receipt issued": "SELECT count(*) FROM fiscal_receipt WHERE number IS NOT NULL",
    "receipt written off": "SELECT count(*) FROM fiscal_receipt WHERE status = 'written-off'",
    "receipt for what stays paid": "SELECT count(*) FROM fiscal_receipt WHERE sequence > 1 AND number IS NOT NULL",
}


async def count_outcomes(db: asyncpg.Connection) -> dict[str, int]:
    """Tell how often each outcome came about."""
    return {name: await db.fetchval(query) for name, query in _OUTCOMES.items()}


def never_seen(
    *,
    outcomes: Mapping[str, int],
    ways: Mapping[str, int],
    faults: Mapping[str, Mapping[str, int]],
    known_faults: Mapping[str, set[str]],
    kills: Mapping[str, int],
    targets: set[str],
) -> list[str]:
    """List the kinds of ways to pay, faults, kills and outcomes of which a run had none: then it proves too little."""
    missing = [f"outcome: {name}" for name, count in outcomes.items() if not count]
    missing += [f"way to pay: {name}" for name in WAYS if not ways.get(name)]
    for system, known in known_faults.items():
        missing += [f"fault of {system}: {name}" for name in sorted(known) if not faults[system].get(name)]
    return missing + [f"kill: {name}" for name in sorted(targets) if not kills.get(name)]
