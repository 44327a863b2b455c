"""What the insurance pays, in the ledger: owed by its fund and by people's own accounts, and earned with the bill.

Each is posted once, under the order's row lock, with the column that says so. An order that the insurance pays alone is
the insurance's own payment: what the core posts of it is only spread over the two accounts here.
"""

from uuid import UUID

from kernel import clock
from kernel.db import Row, Transaction
from payments import ledger

_READ = (
    "SELECT s.*, o.kind, o.settled_at FROM insurance_share s JOIN payment_order o ON o.id = s.order_id"
    " WHERE s.order_id = $1 FOR UPDATE OF s"
)


async def post_paid(tx: Transaction, order_id: UUID) -> None:
    """Post that the insurance owes its part; the caller holds the order's row lock."""
    share = await _read(tx, order_id)
    if share is None or share["paid_at"] is not None:
        return
    await _open_accounts(tx, share["merchant_code"])
    at = clock.now()
    await tx.execute("UPDATE insurance_share SET paid_at = $2 WHERE order_id = $1", order_id, at)
    await ledger.post_entry(
        tx,
        f"insurance-paid:{order_id}",
        "insurance_paid",
        postings=_parts(share) | {_owed_to(share, is_earned=False): -_insured_fen(share)},
        order_id=order_id,
        occurred_at=at,
    )
    await post_earned(tx, order_id)


async def post_earned(tx: Transaction, order_id: UUID) -> None:
    """Post the insurance's part of a settled order as revenue; the caller holds the order's row lock.

    So that the revenue of a bill is what the HIS says that it costs.
    """
    share = await _read(tx, order_id)
    if (
        share is None
        or not share["cash_fen"]
        or share["settled_at"] is None
        or (share["status"], share["earned_at"]) != ("paid", None)
        or share["paid_at"] is None
    ):
        return
    at = clock.now()
    await tx.execute("UPDATE insurance_share SET earned_at = $2 WHERE order_id = $1", order_id, at)
    await ledger.post(
        tx,
        f"insurance-earned:{order_id}",
        "insurance_earned",
        debit=ledger.ORDERS_UNSETTLED,
        credit=ledger.earned(share["kind"]),
        amount_fen=_insured_fen(share),
        order_id=order_id,
        occurred_at=at,
    )


async def post_back(tx: Transaction, order_id: UUID) -> None:
    """Post that the insurance has its part back; the caller holds the order's row lock."""
    await post_paid(tx, order_id)
    share = await _read(tx, order_id)
    if share is None or share["back_at"] is not None:
        return
    at = clock.now()
    await tx.execute("UPDATE insurance_share SET back_at = $2 WHERE order_id = $1", order_id, at)
    gone = {account: -amount_fen for account, amount_fen in _parts(share).items()}
    await ledger.post_entry(
        tx,
        f"insurance-back:{order_id}",
        "insurance_back",
        postings=gone | {_owed_to(share, is_earned=share["earned_at"] is not None): _insured_fen(share)},
        order_id=order_id,
        occurred_at=at,
    )


async def _read(tx: Transaction, order_id: UUID) -> Row | None:
    return await tx.fetchrow(_READ, order_id)


async def _open_accounts(tx: Transaction, merchant_code: str) -> None:
    await tx.execute(
        "INSERT INTO ledger_account (code, kind) SELECT code, 'asset' FROM unnest($1::text[]) AS a (code)"
        " ON CONFLICT DO NOTHING",
        [ledger.insurance_fund(merchant_code), ledger.insurance_account(merchant_code)],
    )


def _parts(share: Row) -> dict[str, int]:
    code = share["merchant_code"]
    return {ledger.insurance_fund(code): share["pooled_fen"], ledger.insurance_account(code): share["account_fen"]}


def _insured_fen(share: Row) -> int:
    insured_fen: int = share["pooled_fen"] + share["account_fen"]
    return insured_fen


def _owed_to(share: Row, *, is_earned: bool) -> str:
    """Name the account against which the insurance's part stands."""
    if not share["cash_fen"]:
        return ledger.clearing(share["merchant_code"])
    return ledger.earned(share["kind"]) if is_earned else ledger.ORDERS_UNSETTLED
