"""After the storm: every record of channels, ledger, HIS and fiscal platform, held against ours one by one."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from kernel.db import Database, Reader
from payments.invariants import find_broken
from payments.ledger import balances, clearing
from payments.sealing import verify_ledger

DRAIN_SECONDS_MAX = 600
LOOK_SECONDS = 1.0
SAY_SECONDS = 15.0

_WAITING: Final = {
    "orders": "SELECT count(*) FROM payment_order WHERE status IN ('open', 'closing')",
    "attempts": "SELECT count(*) FROM payment_attempt WHERE status IN ('created', 'prepared')",
    "settlements": "SELECT count(*) FROM payment_settlement WHERE status NOT IN ('settled', 'rejected')",
    "refunds": "SELECT count(*) FROM payment_refund"
    " WHERE status NOT IN ('succeeded', 'paid_offline', 'cancelled', 'declined')",
    "notifications": "SELECT count(*) FROM payment_notification WHERE status = 'pending'",
    "outbox": "SELECT count(*) FROM outbox WHERE status = 'pending'",
    "inbox": "SELECT count(*) FROM inbox WHERE status = 'pending'",
    "fiscal receipts": "SELECT count(*) FROM fiscal_receipt WHERE status IN ('issuing', 'refused')"
    " OR status = 'issued' AND written_off_for IS NOT NULL",
    "holds": "SELECT count(*) FROM hold WHERE status = 'active'",
    "cases": "SELECT count(*) FROM payment_exception WHERE status = 'open'",
    "stays": "SELECT count(*) FROM payment_discharge WHERE status <> 'settled'",
    "payouts": "SELECT count(*) FROM payment_discharge WHERE payout_fen > 0 AND payout_at IS NULL",
}


async def wait_until_settled(
    db: asyncpg.Connection, go_round: Callable[[], Awaitable[None]], say: Callable[[str], None]
) -> dict[str, int]:
    """Wait until nothing of money is under way, people seeing to what waits for them; give what is dead by box.

    Raises:
        AssertionError: it did not come to rest.
    """
    deadline, said_at = time.monotonic() + DRAIN_SECONDS_MAX, 0.0
    while waiting := {name: n for name, query in _WAITING.items() if (n := await db.fetchval(query))}:
        assert time.monotonic() < deadline, f"still waiting: {waiting}"
        if time.monotonic() > said_at + SAY_SECONDS:
            said_at = time.monotonic()
            say(f"waiting: {waiting}")
        await go_round()
        await asyncio.sleep(LOOK_SECONDS)
    boxes = ("outbox", "inbox", "payment_notification")
    return {box: await db.fetchval(f"SELECT count(*) FROM {box} WHERE status = 'dead'") for box in boxes}


@dataclass(frozen=True)
class ChannelBooks:
    """What an emulated channel has in its own store: payments and refunds that have ended well, by our numbers.

    unfinished: refunds that it knows and that moved nothing.
    """

    payments: Mapping[str, tuple[str, int]]
    refunds: Mapping[str, int]
    unfinished: Mapping[str, str]

    @property
    def held_fen(self) -> int:
        """Tell what the channel holds of the hospital's, its fees aside."""
        return sum(fen for _, fen in self.payments.values()) - sum(self.refunds.values())


def wechatpay_books(root: Path) -> ChannelBooks:
    """Read WeChat Pay's store."""
    with _store(root / "wechatpay" / "wechatpay.sqlite3") as store:
        trades = store.execute("SELECT out_trade_no, transaction_id, paid_fen FROM trade WHERE success_ms IS NOT NULL")
        refunds = store.execute("SELECT out_refund_no, refund_fen, status FROM refund").fetchall()
        return ChannelBooks(
            payments={number: (transaction, fen) for number, transaction, fen in trades},
            refunds={number: fen for number, fen, status in refunds if status == "SUCCESS"},
            unfinished={number: status for number, _, status in refunds if status != "SUCCESS"},
        )


def alipay_books(root: Path) -> ChannelBooks:
    """Read Alipay's store; what its bank would not take (F) is the hospital's again."""
    with _store(root / "alipay" / "alipay.sqlite3") as store:
        trades = store.execute("SELECT out_trade_no, trade_no, total_fen FROM trade WHERE paid_ms IS NOT NULL")
        refunds = store.execute("SELECT out_request_no, amount_fen, bank, returned_ms FROM refund").fetchall()
        return ChannelBooks(
            payments={number: (transaction, fen) for number, transaction, fen in trades},
            refunds={number: fen for number, fen, _, returned in refunds if returned is not None},
            unfinished={number: bank for number, _, bank, returned in refunds if returned is None},
        )


def _store(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


async def compare_with_channel(
    db: Reader, channel: ChannelBooks, merchant_code: str, acknowledged: Mapping[str, int]
) -> list[str]:
    """List payments and refunds that channel and platform have differently, and acknowledged ones that are lost."""
    rows = await db.fetch(
        "SELECT a.attempt_no, t.transaction_no, t.amount_fen FROM payment_transaction t"
        " JOIN payment_attempt a ON a.id = t.attempt_id WHERE t.merchant_code = $1",
        merchant_code,
    )
    ours = {row["attempt_no"]: (row["transaction_no"], row["amount_fen"]) for row in rows}
    faults = differences(f"payment at {merchant_code}", ours, channel.payments)
    back = await db.fetch(
        "SELECT refund_no, amount_fen FROM payment_refund WHERE channel_paid_at IS NOT NULL AND merchant_code = $1",
        merchant_code,
    )
    faults += differences(
        f"refund at {merchant_code}", {row["refund_no"]: row["amount_fen"] for row in back}, channel.refunds
    )
    for number, fen in acknowledged.items():
        kept = channel.payments.get(number)
        # One that the payer had to finish (waiting for a password) may have ended unpaid: then nothing was taken.
        if kept is not None and kept[1] != fen:
            faults.append(f"payment {number} of {fen} fen was acknowledged, the channel has {kept}")
    return faults


async def compare_with_ledger(db: Database, channels: Mapping[str, ChannelBooks]) -> list[str]:
    """List what is broken in the ledger, and whether each clearing account is what its channel holds."""
    faults = [f"{one.invariant}: {one.subject}" for one in await find_broken(db)]
    if fault := await verify_ledger(db):
        faults.append(f"the chain is broken: {fault}")
    posted = await balances(db)
    for code, channel in channels.items():
        if posted.get(clearing(code), 0) != channel.held_fen:
            faults.append(
                f"the ledger has {posted.get(clearing(code), 0)} fen at {code}, the channel {channel.held_fen}"
            )
    earned = -sum(fen for account, fen in posted.items() if account.startswith("revenue:"))
    receipted = await db.fetchval("SELECT coalesce(sum(issued_fen), 0)::bigint FROM fiscal_receipt_net")
    if earned != receipted:
        faults.append(f"the ledger has earned {earned} fen, receipts stand for {receipted}")
    faults += await _compare_windows(db, posted)
    return faults


async def _compare_windows(db: Database, posted: Mapping[str, int]) -> list[str]:
    """Count the drawers: what cashiers took, less what they handed back."""
    rows = await db.fetch(
        "SELECT m.code, (SELECT coalesce(sum(amount_fen), 0) FROM payment_transaction t WHERE t.merchant_code = m.code)"
        " - (SELECT coalesce(sum(amount_fen), 0) FROM payment_refund r WHERE r.merchant_code = m.code"
        "    AND r.status = 'succeeded') AS fen FROM payment_merchant m WHERE m.channel IN ('cash', 'card')"
    )
    return [
        f"the ledger has {posted.get(clearing(row['code']), 0)} fen in {row['code']}, counted {row['fen']}"
        for row in rows
        if posted.get(clearing(row["code"]), 0) != row["fen"]
    ]


async def compare_with_his(db: Reader, his: httpx.AsyncClient, days: list[date]) -> list[str]:
    """List settlements and reversals that the HIS has differently, and entries of it that are nobody's."""
    there: dict[str, tuple[str, int]] = {}
    for day in days:
        there |= {entry["number"]: (entry["receipt_no"], entry["cash_fen"]) for entry in await _entries(his, day)}
    rows = await db.fetch(
        "SELECT s.settlement_no AS number, s.his_no, o.amount_fen AS fen FROM payment_settlement s"
        " JOIN payment_order o ON o.id = s.order_id WHERE s.status = 'settled'"
        " UNION ALL SELECT refund_no, reversal_no, -amount_fen FROM payment_refund"
        " WHERE reversal_no IS NOT NULL AND reversal_no <> ''"
        " UNION ALL SELECT settlement_no, his_no, 0 FROM payment_discharge WHERE his_no IS NOT NULL"
    )
    ours = {row["number"]: (row["his_no"], row["fen"]) for row in rows}
    given_up = await db.fetch(
        "SELECT s.settlement_no, o.amount_fen FROM payment_settlement s JOIN payment_order o ON o.id = s.order_id"
        " JOIN payment_refund r ON r.transaction_id = s.transaction_id"
        " WHERE s.status = 'rejected' AND s.decided_by = 'person' AND (r.reversal_no <> '' OR"
        " r.status IN ('declined', 'cancelled') OR EXISTS"
        " (SELECT FROM payment_exception e WHERE e.refund_id = r.id AND e.action = 'proceed'))"
    )
    for row in given_up:
        # The HIS may have had it; then its reversal, above, takes it back, or a person has decided that it does not.
        if row["settlement_no"] in there:
            ours[row["settlement_no"]] = (there[row["settlement_no"]][0], row["amount_fen"])
    return differences("HIS entry", ours, there)


async def _entries(his: httpx.AsyncClient, day: date) -> list[dict[str, Any]]:
    """Give what the HIS did under numbers of ours on a business day."""
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    while True:
        page = (await his.get(f"/api/billing/days/{day.isoformat()}", params=query)).raise_for_status().json()
        found += [entry for entry in page["entries"] if entry["number"] and not entry["number"].startswith("window:")]
        if not page["next_cursor"]:
            return found
        query = {"cursor": page["next_cursor"]}


async def compare_with_fiscal_platform(db: Reader, root: Path) -> list[str]:
    """List receipts that the fiscal platform has differently."""
    with _store(root / "fiscal" / "fiscal.sqlite3") as store:
        theirs = {
            number: (code, name, fen, red)
            for number, code, name, fen, red in store.execute(
                "SELECT bus_no, code, number, total_fen, red_number FROM receipt"
            )
        }
    rows = await db.fetch(
        "SELECT business_no, code, number, amount_fen, red_number FROM fiscal_receipt WHERE number IS NOT NULL"
    )
    ours = {row["business_no"]: (row["code"], row["number"], row["amount_fen"], row["red_number"]) for row in rows}
    return differences("receipt", ours, theirs)


def differences(what: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """List what two sides hold differently, by number."""
    return [
        f"{what} {number}: here {ours.get(number)}, there {theirs.get(number)}"
        for number in sorted(ours.keys() | theirs.keys())
        if ours.get(number) != theirs.get(number)
    ]


def business_days(first: date) -> list[date]:
    """Give the days on which a run may have done something: it may pass a midnight."""
    return [first, first + timedelta(days=1)]
