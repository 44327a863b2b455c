"""What must always hold of money, as queries that find every row for which it does not.

Run by the timetable in production (a finding is an alert), and by the tests after whatever they have done. A check
looks at one committed state; what is merely under way is not a finding. Numbers are those of docs/payments.md.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from kernel import clock
from kernel.db import Database
from kernel.log import get_logger
from payments.sealing import verify_ledger

FINDINGS_MAX: Final = 100
UNATTENDED: Final = timedelta(minutes=30)
"""How long something may lie without a step that is due, before it counts as forgotten."""
CHECK_SECONDS_MAX: Final = 600.0
"""For one query over everything."""
RECHECK_SEALED: Final = 50_000
"""How many of the newest links are computed anew by the hourly check; the daily one does all."""

CHAIN: Final = "1_chain_holds"

log = get_logger("payments")


class Finding(NamedTuple):
    """One row that breaks an invariant; `subject` names it by ids and codes."""

    invariant: str
    subject: str


# Each gives one column, the subject. $1: the instant before which what lies still counts as forgotten.
_CHECKS: Final[Mapping[str, str]] = {
    "1_entries_balance": """
        SELECT 'entry ' || e.id AS subject FROM ledger_entry e LEFT JOIN ledger_posting p ON p.entry_id = e.id
        GROUP BY e.id HAVING count(p.entry_id) < 2 OR sum(p.amount_fen) <> 0""",
    "1_accounts_equal_projections": """
        WITH told AS (
            SELECT 'clearing:' || merchant_code AS account, amount_fen AS fen FROM payment_transaction
            UNION ALL SELECT 'clearing:' || merchant_code, -amount_fen FROM payment_refund
                WHERE channel_paid_at IS NOT NULL
            UNION ALL SELECT CASE role WHEN 'surplus' THEN 'surplus' WHEN 'disputed' THEN 'suspense'
                             ELSE 'orders_unsettled' END, -amount_fen FROM payment_transaction
            UNION ALL SELECT account, fen FROM payment_order o, LATERAL (VALUES
                ('orders_unsettled', o.amount_fen),
                (CASE o.kind WHEN 'deposit' THEN 'deposits' ELSE 'revenue:' || o.kind END, -o.amount_fen))
                AS v (account, fen) WHERE o.settled_at IS NOT NULL
            UNION ALL SELECT account, fen FROM payment_refund r, LATERAL (VALUES
                (r.source_account, r.amount_fen), ('refunds_payable', -r.amount_fen)) AS v (account, fen)
                WHERE r.status NOT IN ('requested', 'declined', 'cancelled')
            UNION ALL SELECT 'refunds_payable', amount_fen FROM payment_refund
                WHERE status IN ('succeeded', 'paid_offline')
            UNION ALL SELECT 'offline_payouts', -amount_fen FROM payment_refund WHERE status = 'paid_offline'
            UNION ALL SELECT account, fen FROM payment_discharge d, LATERAL (VALUES
                ('deposits', d.used_fen), ('revenue:discharge', -d.used_fen)) AS v (account, fen)
            UNION ALL SELECT 'suspense', amount_fen FROM payment_refund
                WHERE channel_paid_at IS NOT NULL AND status <> 'succeeded'
            UNION ALL SELECT account, fen FROM insurance_share s JOIN payment_order o ON o.id = s.order_id,
                LATERAL (SELECT s.pooled_fen + s.account_fen) AS i (part_fen), LATERAL (VALUES
                (s.paid_at, 'insurance_fund:' || s.merchant_code, s.pooled_fen),
                (s.paid_at, 'insurance_account:' || s.merchant_code, s.account_fen),
                (s.paid_at, CASE s.cash_fen WHEN 0 THEN 'clearing:' || s.merchant_code ELSE 'orders_unsettled' END,
                 -part_fen),
                (s.earned_at, 'orders_unsettled', part_fen),
                (s.earned_at, 'revenue:' || o.kind, -part_fen),
                (s.back_at, 'insurance_fund:' || s.merchant_code, -s.pooled_fen),
                (s.back_at, 'insurance_account:' || s.merchant_code, -s.account_fen),
                (s.back_at, CASE WHEN s.cash_fen = 0 THEN 'clearing:' || s.merchant_code
                                 WHEN s.earned_at IS NULL THEN 'orders_unsettled' ELSE 'revenue:' || o.kind END,
                 part_fen)) AS v (at, account, fen) WHERE at IS NOT NULL),
        projected AS (SELECT account, sum(fen) AS fen FROM told GROUP BY account),
        posted AS (SELECT account, sum(amount_fen) AS fen FROM ledger_posting GROUP BY account)
        SELECT 'account ' || account || ': posted ' || coalesce(posted.fen, 0) || ', projected '
               || coalesce(projected.fen, 0)
        FROM projected FULL JOIN posted USING (account) WHERE coalesce(posted.fen, 0) <> coalesce(projected.fen, 0)""",
    "2_refunds_within_paid": """
        SELECT 'transaction ' || t.id FROM payment_transaction t LEFT JOIN payment_refund r
            ON r.transaction_id = t.id AND r.status NOT IN ('declined', 'cancelled')
        GROUP BY t.id HAVING coalesce(sum(r.amount_fen), 0) > t.amount_fen
            OR coalesce(sum(r.amount_fen), 0) <> t.reserved_fen""",
    "3_one_fulfilment": """
        SELECT 'order ' || o.id FROM payment_order o
        LEFT JOIN payment_settlement s ON s.order_id = o.id
        LEFT JOIN payment_transaction t ON t.id = s.transaction_id
        WHERE (o.paid_at IS NOT NULL) <> (s.id IS NOT NULL)
           OR (o.settled_at IS NOT NULL) <> (s.status IS NOT DISTINCT FROM 'settled')
           OR s.id IS NOT NULL AND (t.role <> 'accepted' OR t.order_id <> o.id)
           OR o.status = 'rejected' AND s.status <> 'rejected'""",
    "4_paid_ends_somewhere": """
        SELECT 'order ' || o.id FROM payment_order o JOIN payment_settlement s ON s.order_id = o.id
        WHERE NOT EXISTS (SELECT FROM payment_exception e WHERE e.order_id = o.id AND e.status = 'open')
          AND (o.status = 'paid' AND (s.next_ask_at IS NULL OR s.next_ask_at < $1)
            OR o.status = 'rejected' AND NOT EXISTS (
                SELECT FROM payment_refund r WHERE r.transaction_id = s.transaction_id
                AND r.status NOT IN ('declined', 'cancelled'))
               AND NOT EXISTS (SELECT FROM payment_exception e WHERE e.order_id = o.id AND e.status = 'resolved'))""",
    "4_refunds_go_on": """
        SELECT 'refund ' || r.id FROM payment_refund r JOIN payment_merchant m ON m.code = r.merchant_code
        WHERE (r.status IN ('reversing', 'ready', 'processing') AND m.channel NOT IN ('cash', 'card')
               AND (r.next_try_at IS NULL OR r.next_try_at < $1)
            OR r.status = 'abnormal')
          AND NOT EXISTS (SELECT FROM payment_exception e WHERE e.refund_id = r.id AND e.status = 'open')""",
    "5_no_silence_after_closing": """
        SELECT 'transaction ' || t.id FROM payment_transaction t JOIN payment_order o ON o.id = t.order_id
        WHERE t.role = 'accepted' AND o.paid_at IS NULL
           OR t.role = 'surplus' AND NOT EXISTS (
                SELECT FROM payment_refund r WHERE r.transaction_id = t.id AND r.cause = 'surplus')""",
    "6_surplus_goes_back_once": """
        SELECT 'transaction ' || t.id FROM payment_transaction t LEFT JOIN payment_refund r ON r.transaction_id = t.id
        WHERE t.role = 'surplus' GROUP BY t.id HAVING bool_and(r.status <> 'cancelled') IS NOT FALSE
            AND (count(r.id) <> 1 OR sum(r.amount_fen) <> t.amount_fen)""",
    "7_one_number_for_a_refund": """
        SELECT 'refund ' || r.id FROM payment_refund r
        JOIN payment_order o ON o.id = r.order_id JOIN payment_attempt a ON a.id = r.attempt_id
        WHERE r.refund_no NOT LIKE o.order_no || 'R%' OR a.order_id <> r.order_id
           OR r.status IN ('processing', 'succeeded') AND r.sent_at IS NULL""",
    "8_nothing_that_differs_fulfils": """
        SELECT 'transaction ' || t.id FROM payment_transaction t
        JOIN payment_order o ON o.id = t.order_id JOIN payment_attempt a ON a.id = t.attempt_id
        WHERE t.role = 'accepted' AND (t.amount_fen <> o.amount_fen OR t.amount_fen <> a.amount_fen
            OR t.merchant_code <> a.merchant_code OR t.channel <> a.channel OR t.payer <> a.payer
            OR a.order_id <> o.id)""",
    "9_notifications_are_ours": """
        SELECT 'notification ' || n.id FROM payment_notification n
        LEFT JOIN payment_merchant m ON m.code = n.merchant_code AND m.channel = n.channel WHERE m.code IS NULL""",
    "10_unknown_does_not_end_by_itself": """
        SELECT 'settlement ' || s.id FROM payment_settlement s
        WHERE s.status IN ('accepting', 'pending', 'unknown') AND s.next_ask_at IS NULL
           OR s.status = 'settled' AND s.decided_by NOT IN ('his', 'person')
           OR s.decided_by = 'person' AND NOT EXISTS (
                SELECT FROM payment_exception e WHERE e.settlement_id = s.id AND e.status = 'resolved'
                AND e.action IN ('mark_settled', 'refund'))""",
    "11_parts_make_the_whole": """
        SELECT 'order ' || o.id FROM insurance_share s JOIN payment_order o ON o.id = s.order_id
        WHERE s.pooled_fen + s.account_fen + s.cash_fen + s.reduced_fen <> s.total_fen
           OR o.amount_fen <> CASE s.cash_fen WHEN 0 THEN s.pooled_fen + s.account_fen ELSE s.cash_fen END
           OR s.cash_fen > 0
              AND (s.pooled_fen + s.account_fen - s.insurance_back_fen) + (o.amount_fen - o.refunded_fen)
                  + s.reduced_fen <> s.total_fen - s.insurance_back_fen - o.refunded_fen
           OR s.cash_fen = 0 AND (o.refunded_fen NOT IN (0, o.amount_fen) OR o.refunded_fen > s.insurance_back_fen)
           OR s.insurance_back_fen NOT IN (0, s.pooled_fen + s.account_fen)
           OR o.status = 'settled' AND s.status = 'pending' AND o.updated_at < $1
           OR o.status = 'settled' AND s.status = 'taken_back' AND NOT EXISTS (
                SELECT FROM payment_transaction t WHERE t.order_id = o.id AND t.role = 'accepted'
                AND t.reserved_fen = t.amount_fen)
           OR o.status IN ('closed', 'rejected', 'refunded') AND s.status <> 'taken_back' AND o.updated_at < $1
              AND NOT EXISTS (SELECT FROM payment_exception e WHERE e.order_id = o.id AND e.status = 'open')""",
    "11_insurance_is_posted": """
        SELECT 'order ' || o.id FROM insurance_share s JOIN payment_order o ON o.id = s.order_id
        WHERE (s.status = 'paid') > (s.paid_at IS NOT NULL) OR (s.insurance_back_fen > 0) <> (s.back_at IS NOT NULL)
           OR s.status = 'paid' AND s.cash_fen > 0 AND (o.settled_at IS NULL) <> (s.earned_at IS NULL)
           OR s.cash_fen = 0 AND s.earned_at IS NOT NULL""",
    "11_revenue_is_what_the_his_counts": """
        WITH earned AS (
            SELECT o.id, o.kind, (t.receipt ->> 'total_fen')::bigint - s.reduced_fen
                         - coalesce((SELECT sum(r.amount_fen) FROM payment_refund r
                                     WHERE r.transaction_id = t.transaction_id
                                     AND r.status NOT IN ('requested', 'declined', 'cancelled')), 0)
                         - CASE WHEN s.cash_fen > 0 THEN s.insurance_back_fen ELSE 0 END AS fen
            FROM insurance_share s JOIN payment_order o ON o.id = s.order_id
            JOIN payment_settlement t ON t.order_id = o.id
            WHERE t.status = 'settled' AND t.decided_by = 'his' AND t.receipt ? 'total_fen')
        SELECT 'order ' || earned.id || ': the HIS counts ' || earned.fen || ', revenue is '
               || coalesce(-sum(p.amount_fen), 0)
        FROM earned LEFT JOIN ledger_entry e ON e.order_id = earned.id
        LEFT JOIN ledger_posting p ON p.entry_id = e.id AND p.account = 'revenue:' || earned.kind
        GROUP BY earned.id, earned.fen HAVING coalesce(-sum(p.amount_fen), 0) <> earned.fen""",
    "11_claims_end": """
        SELECT 'claim ' || bill_no FROM insurance_claim
        WHERE status IN ('deciding', 'dropping') AND next_try_at < $1""",
    "13_receipts_equal_ledger": """
        WITH paid AS (
            SELECT o.id, o.amount_fen - coalesce(sum(r.amount_fen) FILTER (
                WHERE r.status NOT IN ('requested', 'declined', 'cancelled')), 0) AS fen
            FROM payment_order o JOIN payment_settlement s ON s.order_id = o.id
            LEFT JOIN payment_refund r ON r.transaction_id = s.transaction_id
            WHERE o.settled_at IS NOT NULL AND o.kind <> 'deposit' GROUP BY o.id
            UNION ALL SELECT receipt_for, used_fen FROM payment_discharge WHERE receipt_for IS NOT NULL)
        SELECT 'order ' || paid.id || ': paid ' || paid.fen || ', receipted ' || coalesce(net.meant_fen, 0)
        FROM paid LEFT JOIN fiscal_receipt_net net ON net.order_id = paid.id
        WHERE paid.fen <> coalesce(net.meant_fen, 0)
          AND NOT EXISTS (SELECT FROM outbox l WHERE l.handler = 'payment-events' AND l.status = 'pending'
                          AND l.aggregate = 'payment-event:' || paid.id)""",
    "orders_end": """
        SELECT 'order ' || o.id FROM payment_order o WHERE o.status = 'open' AND o.expires_at < $1
           OR o.status = 'closing' AND NOT EXISTS (SELECT FROM payment_attempt a WHERE a.order_id = o.id
                AND a.status IN ('created', 'prepared') AND a.next_check_at >= $1)""",
}


async def find_broken(db: Database) -> list[Finding]:
    """Give what breaks an invariant, a bounded number of each.

    Raises:
        DatabaseUnavailable.
    """
    found: list[Finding] = []
    forgotten = clock.now() - UNATTENDED
    async with db.transaction() as tx:
        await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for invariant, query in _CHECKS.items():
            wants_time = "$1" in query
            # Straight to the connection: years of payments take longer than a statement of a request may.
            rows = await tx.connection.fetch(
                f"{query} LIMIT {FINDINGS_MAX}", *([forgotten] if wants_time else []), timeout=CHECK_SECONDS_MAX
            )
            found += [Finding(invariant, row[0]) for row in rows]
    return found


async def check_invariants(db: Database, *, whole_chain: bool = False) -> int:
    """Look for broken invariants, raise the alert for each, and give how many there are.

    Raises:
        DatabaseUnavailable.
    """
    found = await find_broken(db)
    newest: int = await db.fetchval("SELECT coalesce(max(position), 0) FROM ledger_link")
    start = 1 if whole_chain else max(1, newest - RECHECK_SEALED)
    fault = await verify_ledger(db, from_position=start)
    if fault is not None:
        found.append(Finding(CHAIN, f"position {fault.position}, entry {fault.entry_id}: {fault.what}"))
    names = [*_CHECKS, CHAIN]
    await db.execute(
        "INSERT INTO payment_check (invariant, findings, checked_at)"
        " SELECT n, f, $3 FROM unnest($1::text[], $2::int[]) AS c (n, f)"
        " ON CONFLICT (invariant) DO UPDATE SET findings = excluded.findings, checked_at = excluded.checked_at",
        names,
        [sum(one.invariant == name for one in found) for name in names],
        clock.now(),
    )
    for one in found:
        log.error("payment_invariant_broken", invariant=one.invariant, subject=one.subject)
    return len(found)
