"""The merchants' accounts with the channel: what came in, what went out, what the channel kept as its fee."""

import sqlite3
from datetime import datetime
from typing import Final

from integration.emulators.common.store import Store, to_ms

FEE_PER_MILLE: Final = 6
FEE_RATE: Final = "0.60%"
BALANCE_AT_FIRST_FEN: Final = 100_000_000


def fee_fen(amount_fen: int) -> int:
    """Give the channel's fee of an amount, rounded half up to the fen."""
    return (amount_fen * FEE_PER_MILLE + 500) // 1000


def balance_fen(store: Store, merchant_no: str) -> int:
    """Tell what lies in a merchant's account."""
    row = store.row("SELECT balance_fen FROM fund WHERE merchant_no = ? ORDER BY seq DESC LIMIT 1", merchant_no)
    return BALANCE_AT_FIRST_FEN if row is None else int(row["balance_fen"])


def book_payment(store: Store, trade: sqlite3.Row, *, transaction_id: str, paid_fen: int, at: datetime) -> None:
    """Book a payment and its fee."""
    common = {"merchant_no": trade["merchant_no"], "at": at, "voucher": trade["out_trade_no"]}
    _book(store, business_no=transaction_id, name="交易", kind="交易", change_fen=paid_fen, note="", **common)
    if fee := fee_fen(paid_fen):
        note = f"结算总金额 {paid_fen / 100:.2f} 元;含手续费 {fee / 100:.2f} 元"
        _book(
            store,
            business_no=transaction_id,
            name="扣除交易手续费",
            kind="扣除交易手续费",
            change_fen=-fee,
            note=note,
            **common,
        )


def book_refund(store: Store, refund: sqlite3.Row, *, at: datetime) -> None:
    """Book a refund; the fee of what goes back is given back with it."""
    returned = refund["refund_fen"] - fee_fen(refund["refund_fen"])
    _book(
        store,
        merchant_no=refund["merchant_no"],
        at=at,
        business_no=refund["refund_id"],
        name="退款",
        kind="退款",
        change_fen=-returned,
        note=f"退款总金额{refund['refund_fen'] / 100:.2f}元;含手续费{fee_fen(refund['refund_fen']) / 100:.2f}元",
        voucher=refund["out_refund_no"],
    )


def _book(
    store: Store,
    *,
    merchant_no: str,
    at: datetime,
    business_no: str,
    name: str,
    kind: str,
    change_fen: int,
    note: str,
    voucher: str,
) -> None:
    store.execute(
        "INSERT INTO fund"
        " (merchant_no, at_ms, business_no, flow_no, name, kind, change_fen, balance_fen, note, voucher)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        merchant_no,
        to_ms(at),
        business_no,
        f"{store.next_number('flow'):020d}",
        name,
        kind,
        change_fen,
        balance_fen(store, merchant_no) + change_fen,
        note,
        voucher,
    )
