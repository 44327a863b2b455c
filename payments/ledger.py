"""The ledger: double entry in integer fen, posted in the transaction of the change that it tells of.

A debit is positive, a credit negative, and an entry's postings sum to zero (a deferred constraint sees to it). An entry
has a business key, so that a fact posts once however often it is told. docs/payments.md has the table of postings.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.db import Reader, Transaction

ORDERS_UNSETTLED: Final = "orders_unsettled"
SURPLUS: Final = "surplus"
SUSPENSE: Final = "suspense"
REFUNDS_PAYABLE: Final = "refunds_payable"
OFFLINE_PAYOUTS: Final = "offline_payouts"
DEPOSITS: Final = "deposits"


def clearing(merchant_code: str) -> str:
    """Name the account of what a merchant's account, or a window's drawer, holds of ours."""
    return f"clearing:{merchant_code}"


def earned(order_kind: str) -> str:
    """Name the account to which a settled order goes: revenue, or what the hospital owes a patient in a bed."""
    return DEPOSITS if order_kind == "deposit" else f"revenue:{order_kind}"


def insurance_fund(merchant_code: str) -> str:
    """Name the account of what the insurance's fund (统筹基金) owes the hospital for orders."""
    return f"insurance_fund:{merchant_code}"


def insurance_account(merchant_code: str) -> str:
    """Name the account of what came out of insured people's own accounts (个人账户) and is to be paid over."""
    return f"insurance_account:{merchant_code}"


async def open_clearing(tx: Transaction, merchant_code: str) -> None:
    """See to it that a merchant has its account."""
    await tx.execute(
        "INSERT INTO ledger_account (code, kind) VALUES ($1, 'asset') ON CONFLICT DO NOTHING", clearing(merchant_code)
    )


async def post(
    tx: Transaction,
    key: str,
    kind: str,
    *,
    debit: str,
    credit: str,
    amount_fen: int,
    order_id: UUID | None,
    occurred_at: datetime,
) -> bool:
    """Post an amount from one account to another; False when this key was posted before."""
    assert amount_fen > 0, "an entry moves something"
    posted = await tx.fetchval(
        "SELECT post_ledger_entry($1, $2, $3, $4, $5, $6, $7)",
        key,
        kind,
        order_id,
        occurred_at,
        clock.now(),
        [debit, credit],
        [amount_fen, -amount_fen],
    )
    return posted is not None


async def post_entry(
    tx: Transaction,
    key: str,
    kind: str,
    *,
    postings: Mapping[str, int],
    order_id: UUID | None,
    occurred_at: datetime,
) -> bool:
    """Post an entry of several accounts, debits positive; what is nothing is left out. False: posted before."""
    moved = {account: amount_fen for account, amount_fen in postings.items() if amount_fen}
    assert sum(moved.values()) == 0, "an entry balances"
    posted = await tx.fetchval(
        "SELECT post_ledger_entry($1, $2, $3, $4, $5, $6, $7)",
        key,
        kind,
        order_id,
        occurred_at,
        clock.now(),
        list(moved),
        list(moved.values()),
    )
    return posted is not None


async def balances(db: Reader) -> Mapping[str, int]:
    """Sum every account that was ever posted to, in fen; debits are positive.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch("SELECT account, sum(amount_fen)::bigint AS fen FROM ledger_posting GROUP BY account")
    return {row["account"]: row["fen"] for row in rows}
