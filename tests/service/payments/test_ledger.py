"""The ledger balances, cannot be rewritten, posts a fact once, and shows where somebody has meddled."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from kernel import clock
from kernel.db import Database, Transaction
from kernel.ids import new_id
from payments import ledger
from payments.invariants import CHAIN, check_invariants, find_broken
from payments.sealing import BATCH_MAX, seal_ledger, verify_ledger
from tests.factories.payments import PaymentsUnderTest


async def post(tx: Transaction, key: str = "k1", fen: int = 100) -> bool:
    return await ledger.post(
        tx,
        key,
        "test",
        debit=ledger.SURPLUS,
        credit=ledger.SUSPENSE,
        amount_fen=fen,
        order_id=new_id(),
        occurred_at=clock.now(),
    )


async def test_a_fact_posts_once(database: Database) -> None:
    async with database.transaction() as tx:
        assert [await post(tx), await post(tx), await post(tx, "k2")] == [True, False, True]
    assert await ledger.balances(database) == {"surplus": 200, "suspense": -200}


async def test_what_does_not_balance_is_not_committed(database: Database) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        async with database.transaction() as tx:
            await tx.execute(
                "SELECT post_ledger_entry('k', 'test', NULL, now(), now(), '{surplus,suspense}', '{100,-99}')"
            )
    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        await database.execute(
            "INSERT INTO ledger_entry (business_key, kind, occurred_at, recorded_at, content_hash)"
            " VALUES ('k', 'test', now(), now(), sha256('x'))"
        )
    assert await database.fetch("SELECT FROM ledger_entry") == []


async def seal_all(db: Database, *, limit: int = BATCH_MAX, left: int = 0) -> list[int]:
    """Seal until no more than `left` can be seen unsealed, and give how many entries each seal has.

    Transactions that run in any database of the server hold a seal back: other tests' among them.
    """
    seals: list[int] = []
    for _ in range(600):
        if sealed := await seal_ledger(db, limit=limit):
            seals.append(sealed)
        unsealed: int = await db.fetchval(
            "SELECT count(*) FROM ledger_entry e WHERE NOT EXISTS (SELECT FROM ledger_link l WHERE l.entry_id = e.id)"
        )
        if unsealed <= left:
            return seals
        await asyncio.sleep(0.05)
    raise AssertionError("something never lets the ledger be sealed")


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_posting", "ledger_seal", "ledger_link", "payment_event"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET {} = {}", "TRUNCATE {} CASCADE"])
async def test_history_is_not_rewritten(payments: PaymentsUnderTest, table: str, change: str) -> None:
    await payments.paid()
    await seal_all(payments.db)
    column = {"ledger_posting": "account", "ledger_link": "hash", "ledger_seal": "hash"}.get(table, "kind")
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await payments.db.execute(change.format(table, column, column))
    assert await payments.db.fetch(f"SELECT FROM {table}") != []


async def test_entries_are_sealed_in_batches_once_nothing_older_runs(payments: PaymentsUnderTest) -> None:
    await payments.paid()
    entry = "SELECT post_ledger_entry($1, 'test', NULL, now(), now(), '{surplus,suspense}', '{7,-7}')"
    async with payments.db.pool.acquire() as older, older.transaction():
        # A transaction that has written and is not over: what comes after it is not sealed yet.
        await older.execute(entry, "slow")
        await payments.db.execute(entry, "fast")
        assert sum(await seal_all(payments.db, left=1)) == 2
        assert await seal_ledger(payments.db) == 0
    assert await seal_all(payments.db, limit=1) == [1, 1]

    links = await payments.db.fetch("SELECT position, entry_id FROM ledger_link ORDER BY position")
    entries = await payments.db.fetch("SELECT id FROM ledger_entry ORDER BY transaction_id, id")
    assert [tuple(row) for row in links] == [(n, row["id"]) for n, row in enumerate(entries, 1)]
    assert await verify_ledger(payments.db) is None
    assert await verify_ledger(payments.db, from_position=3) is None


@pytest.mark.parametrize(
    ("meddling", "what", "position"),
    [
        ("UPDATE ledger_posting SET amount_fen = amount_fen * 2 WHERE entry_id = {}", "content_changed", 1),
        ("UPDATE ledger_entry SET content_hash = sha256('x') WHERE id = {}", "content_changed", 1),
        ("UPDATE ledger_link SET hash = sha256('x') WHERE entry_id = {}", "chain_broken", 1),
        ("DELETE FROM ledger_link WHERE entry_id = {}", "link_missing", 1),
    ],
)
async def test_meddling_is_found(payments: PaymentsUnderTest, meddling: str, what: str, position: int) -> None:
    await payments.paid()
    await seal_all(payments.db)
    first = await payments.db.fetchval("SELECT min(id) FROM ledger_entry")
    await as_a_meddler(payments.db, meddling.format(first))

    fault = await verify_ledger(payments.db)

    assert fault is not None
    assert (fault.what, fault.position) == (what, position)
    assert await check_invariants(payments.db) >= 1
    assert await payments.db.fetchval("SELECT findings FROM payment_check WHERE invariant = $1", CHAIN) == 1


async def as_a_meddler(db: Database, sql: str) -> None:
    """Change what no code of ours can: triggers and constraints of references are off."""
    async with db.transaction() as tx:
        await tx.execute("SET LOCAL session_replication_role = replica")
        await tx.execute(sql)


SHARED = "INSERT INTO insurance_share SELECT id, 'insurance', 'B1', 'ORD1', 'A1', 'x', 'V1',"
OF_ORDER = ", NULL, 0, now(), now(), now() FROM payment_order"
DAMAGE = {
    "1_entries_balance": "UPDATE ledger_posting SET amount_fen = amount_fen + 1 WHERE position = 1",
    "1_accounts_equal_projections": "UPDATE payment_transaction SET amount_fen = amount_fen + 1",
    "2_refunds_within_paid": "UPDATE payment_transaction SET reserved_fen = 7",
    "3_one_fulfilment": "DELETE FROM payment_settlement",
    "4_paid_ends_somewhere": "UPDATE payment_order SET status = 'paid'",
    "4_refunds_go_on": "UPDATE payment_refund SET status = 'abnormal', ended_at = NULL",
    "5_no_silence_after_closing": (
        "UPDATE payment_order SET status = 'closed', paid_at = NULL, settled_at = NULL, close_reason = 'expired'"
    ),
    "6_surplus_goes_back_once": "UPDATE payment_transaction SET role = 'surplus'",
    "7_one_number_for_a_refund": "UPDATE payment_refund SET refund_no = 'ANOTHER'",
    "8_nothing_that_differs_fulfils": "UPDATE payment_transaction SET payer = 'somebody-else'",
    "9_notifications_are_ours": "UPDATE payment_notification SET merchant_code = 'of-others'",
    "10_unknown_does_not_end_by_itself": "UPDATE payment_settlement SET decided_by = 'feature'",
    "11_parts_make_the_whole": f"{SHARED} 101 + amount_fen, 60, 40, amount_fen + 1, 0, 0, 'pending' {OF_ORDER}",
    "11_insurance_is_posted": f"{SHARED} 100 + amount_fen, 60, 40, amount_fen, 0, 0, 'paid' {OF_ORDER}",
    "11_revenue_is_what_the_his_counts": "WITH told AS (UPDATE payment_settlement SET receipt = '{\"total_fen\": 1}')"
    f" {SHARED} 100 + amount_fen, 60, 40, amount_fen, 0, 0, 'pending' {OF_ORDER}",
    "11_claims_end": "INSERT INTO insurance_claim VALUES"
    " ('B1', 'insurance', '', 'dropping', 0, now() - interval '1 day', now(), now())",
    "13_receipts_equal_ledger": "UPDATE fiscal_receipt SET amount_fen = amount_fen + 1",
    "orders_end": "UPDATE payment_order SET status = 'open', paid_at = NULL, expires_at = now() - interval '1 day'"
    ", created_at = now() - interval '2 days'",
}


@pytest.mark.parametrize("invariant", DAMAGE)
async def test_each_check_finds_what_it_is_for(payments: PaymentsUnderTest, invariant: str) -> None:
    order, attempt = await payments.paid()
    await payments.db.execute(
        "INSERT INTO payment_notification (channel, merchant_code, event_id, event_type, received_at, due_at)"
        " VALUES ('wechatpay', 'wechat-main', 'E1', 'T', now(), now())"
    )
    if invariant in ("4_refunds_go_on", "7_one_number_for_a_refund"):
        payments.his.rejects = "bill_changed"
        order, attempt = await payments.paid()
    assert await check_invariants(payments.db) == 0
    assert await payments.db.fetchval("SELECT count(*) FROM payment_check WHERE findings = 0") == len(DAMAGE) + 1

    await as_a_meddler(payments.db, DAMAGE[invariant])

    assert invariant in {one.invariant for one in await find_broken(payments.db)}
    assert await check_invariants(payments.db) >= 1
    assert attempt.order_id == order.id


async def test_what_is_under_way_is_no_finding_and_what_is_forgotten_is(payments: PaymentsUnderTest) -> None:
    payments.his.silent = True
    await payments.paid()
    assert await find_broken(payments.db) == []
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert {one.invariant for one in await find_broken(payments.db)} == {"4_paid_ends_somewhere"}
