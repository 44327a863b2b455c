"""After the storm: every fen that payers gave, as the channel, the ledger and the HIS have it, record by record."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from kernel.db import Database
from payments.invariants import find_broken
from payments.ledger import balances, clearing
from payments.sealing import verify_ledger
from runtime.sandbox_channels import WECHATPAY_MERCHANT_CODE

DRAIN_SECONDS_MAX = 420
LOOK_SECONDS = 1.0
SAY_SECONDS = 15.0

_WAITING = {
    "orders": "SELECT count(*) FROM payment_order WHERE status IN ('open', 'closing')",
    "attempts": "SELECT count(*) FROM payment_attempt WHERE status IN ('created', 'prepared')",
    "settlements": "SELECT count(*) FROM payment_settlement WHERE status NOT IN ('settled', 'rejected')",
    "refunds": "SELECT count(*) FROM payment_refund WHERE status IN ('reversing', 'ready', 'processing')",
    "notifications": "SELECT count(*) FROM payment_notification WHERE status = 'pending'",
    "outbox": "SELECT count(*) FROM outbox WHERE status = 'pending'",
    "inbox": "SELECT count(*) FROM inbox WHERE status = 'pending'",
    "fiscal receipts": "SELECT count(*) FROM fiscal_receipt WHERE status = 'issuing'"
    " OR status = 'issued' AND written_off_for IS NOT NULL",
    "holds": "SELECT count(*) FROM hold WHERE status = 'active'",
}


async def wait_until_settled(db: asyncpg.Connection, say: Callable[[str], None]) -> dict[str, int]:
    """Wait until nothing of money is under way; give what is dead by box.

    Raises:
        AssertionError: it did not come to rest.
    """
    deadline, said_at = time.monotonic() + DRAIN_SECONDS_MAX, 0.0
    while waiting := {name: n for name, query in _WAITING.items() if (n := await db.fetchval(query))}:
        assert time.monotonic() < deadline, f"still waiting: {waiting}"
        if time.monotonic() > said_at + SAY_SECONDS:
            said_at = time.monotonic()
            say(f"waiting: {waiting}")
        await asyncio.sleep(LOOK_SECONDS)
    boxes = ("outbox", "inbox", "payment_notification")
    return {box: await db.fetchval(f"SELECT count(*) FROM {box} WHERE status = 'dead'") for box in boxes}


class ChannelBooks:
    """What the emulated channel has in its own store: payments and refunds that have ended well, by our numbers."""

    def __init__(self, store: Path) -> None:
        connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
        try:
            trades = connection.execute(
                "SELECT out_trade_no, transaction_id, paid_fen FROM trade WHERE transaction_id IS NOT NULL"
            )
            self.payments: dict[str, tuple[str, int]] = {
                number: (transaction, fen) for number, transaction, fen in trades
            }
            refunds = connection.execute("SELECT out_refund_no, refund_fen, status FROM refund")
            self.refunds: dict[str, tuple[int, str]] = {number: (fen, status) for number, fen, status in refunds}
        finally:
            connection.close()

    @property
    def held_fen(self) -> int:
        """Tell what the channel holds of the hospital's, its fees aside."""
        paid: int = sum(fen for _, fen in self.payments.values())
        return paid - sum(fen for fen, status in self.refunds.values() if status == "SUCCESS")


async def compare_with_channel(
    db: asyncpg.Connection, channel: ChannelBooks, acknowledged: dict[str, int]
) -> list[str]:
    """List payments and refunds that channel and platform have differently, and acknowledged ones that are lost."""
    rows = await db.fetch(
        "SELECT a.attempt_no, t.transaction_no, t.amount_fen FROM payment_transaction t"
        " JOIN payment_attempt a ON a.id = t.attempt_id"
    )
    ours = {row["attempt_no"]: (row["transaction_no"], row["amount_fen"]) for row in rows}
    faults = _differences("payment", ours, channel.payments)
    back = await db.fetch("SELECT refund_no, amount_fen FROM payment_refund WHERE channel_paid_at IS NOT NULL")
    faults += _differences(
        "refund",
        {row["refund_no"]: (row["amount_fen"], "SUCCESS") for row in back},
        channel.refunds,
    )
    for number, fen in acknowledged.items():
        if channel.payments.get(number, ("", 0))[1] != fen:
            faults.append(
                f"payment {number} of {fen} fen was acknowledged, the channel has {channel.payments.get(number)}"
            )
    return faults


async def compare_with_ledger(db: Database, channel: ChannelBooks) -> list[str]:
    """List what is broken in the ledger, and whether the clearing account is what the channel holds."""
    faults = [f"{one.invariant}: {one.subject}" for one in await find_broken(db)]
    if fault := await verify_ledger(db):
        faults.append(f"the chain is broken: {fault}")
    posted = (await balances(db)).get(clearing(WECHATPAY_MERCHANT_CODE), 0)
    if posted != channel.held_fen:
        faults.append(f"the ledger has {posted} fen at the channel, the channel {channel.held_fen}")
    return faults


async def compare_with_his(db: asyncpg.Connection, his: httpx.AsyncClient, days: list[date]) -> list[str]:
    """List settlements and reversals that the HIS has differently, and entries of it that are nobody's."""
    there: dict[str, tuple[str, int]] = {}
    for day in days:
        there |= {entry["number"]: (entry["receipt_no"], entry["cash_fen"]) for entry in await _entries(his, day)}
    rows = await db.fetch(
        "SELECT s.settlement_no AS number, s.his_no, o.amount_fen AS fen FROM payment_settlement s"
        " JOIN payment_order o ON o.id = s.order_id WHERE s.status = 'settled'"
        " UNION ALL SELECT refund_no, reversal_no, -amount_fen FROM payment_refund"
        " WHERE reversal_no IS NOT NULL AND reversal_no <> ''"
    )
    return _differences("HIS entry", {row["number"]: (row["his_no"], row["fen"]) for row in rows}, there)


async def _entries(his: httpx.AsyncClient, day: date) -> list[dict[str, Any]]:
    """Give what the HIS did under numbers of ours on a business day."""
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    while True:
        page = (await his.get(f"/api/billing/days/{day.isoformat()}", params=query)).raise_for_status().json()
        found += [entry for entry in page["entries"] if entry["number"]]
        if not page["next_cursor"]:
            return found
        query = {"cursor": page["next_cursor"]}


async def explain_every_fen(db: asyncpg.Connection) -> tuple[dict[str, int], list[str]]:
    """Say what became of the money of each payment, in fen; list what is not explained.

    Money is explained when an appointment stands for it that the HIS has settled, or when it went back.
    """
    rows = await db.fetch(
        "SELECT a.attempt_no, t.role, t.amount_fen, o.status, ap.status AS appointment, ap.payment,"
        " coalesce((SELECT sum(r.amount_fen) FROM payment_refund r WHERE r.transaction_id = t.id"
        "           AND r.status = 'succeeded'), 0)::bigint AS refunded_fen,"
        " EXISTS (SELECT FROM payment_exception e WHERE e.order_id = o.id AND e.status = 'open') AS has_case"
        " FROM payment_transaction t JOIN payment_order o ON o.id = t.order_id"
        " JOIN payment_attempt a ON a.id = t.attempt_id"
        " LEFT JOIN registration_order l ON l.order_id = o.id LEFT JOIN appointment ap ON ap.id = l.appointment_id"
    )
    fen: dict[str, int] = {}
    faults = []
    for row in rows:
        kept = row["amount_fen"] - row["refunded_fen"]
        if kept == 0:
            where = _went_back(row["role"], row["appointment"])
        elif row["role"] == "accepted" and row["status"] == "settled" and row["appointment"] == "booked":
            where = "appointment booked and settled"
        elif row["has_case"]:
            where = "open case for a person"
        else:
            where = "NOT EXPLAINED"
            faults.append(f"payment {dict(row)} is not explained")
        if row["appointment"] == "booked" and row["role"] == "accepted" and row["payment"] != "paid":
            faults.append(f"appointment of {row['attempt_no']} says {row['payment']} and is paid")
        fen[where] = fen.get(where, 0) + row["amount_fen"]
    return fen, faults


def _went_back(role: str, appointment: str | None) -> str:
    if role == "surplus":
        return "refunded, paid twice"
    return "refunded, the number could not be had" if appointment is None else f"refunded, appointment {appointment}"


def _differences(what: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    return [
        f"{what} {number}: here {ours.get(number)}, there {theirs.get(number)}"
        for number in sorted(ours.keys() | theirs.keys())
        if ours.get(number) != theirs.get(number)
    ]


def business_days(first: date) -> list[date]:
    """Give the days on which a run may have done something: it may pass a midnight."""
    return [first, first + timedelta(days=1)]
