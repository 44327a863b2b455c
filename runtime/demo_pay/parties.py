"""Who takes part besides the partner and the HIS: the payer with a telephone, and finance with a view of the ledger."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import httpx

from kernel.db import Database, Row
from kernel.money import format_yuan
from payments import ledger
from runtime.demo.narrator import DemoFailed, Narrator, require
from runtime.demo.parties import ANSWER_SECONDS_MAX, POLL_SECONDS, WAIT_SECONDS_MAX, Record

# An openid as WeChat gives one to each mini-program for each person.
OPENID: Final = "oDemoPayer_0000000000000001"
CONSENT: Final = "AUTH440100DEMO0000000000001"
"""A payAuthNo, as the insurance's page in WeChat gives one for each order."""


class Payer:
    """A patient with WeChat on the telephone, as the emulated channel sees them."""

    def __init__(self, emulator: Mapping[str, Any]) -> None:
        self._http = httpx.Client(
            base_url=emulator["base_url"],
            timeout=ANSWER_SECONDS_MAX,
            trust_env=False,
            headers={"authorization": f"Bearer {emulator['token']}"},
        )

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def pay(self, **what: str) -> None:
        """Confirm a payment with the password: by `prepay_id` in the mini-program, or by a scanned `code_url`.

        Raises:
            DemoFailed: the channel does not let it be paid.
        """
        answer = self._http.post("/sandbox/payments", json={"openid": OPENID} | what)
        if answer.status_code != 200:
            raise DemoFailed(f"the payer could not pay: {answer.status_code} {answer.text}")


class Insured:
    """The patient's consent, given in WeChat, and their agreement at the emulated insurance's own page."""

    def __init__(self, emulator: Mapping[str, Any]) -> None:
        self._http = httpx.Client(
            base_url=emulator["base_url"],
            timeout=ANSWER_SECONDS_MAX,
            trust_env=False,
            headers={"authorization": f"Bearer {emulator['token']}"},
        )

    def close(self) -> None:
        """Give the connection back."""
        self._http.close()

    def agree(self, centre_order_no: str) -> None:
        """Agree to the insurance's part.

        Raises:
            DemoFailed: the insurance does not take it.
        """
        answer = self._http.post("/sandbox/payments", json={"pay_ord_id": centre_order_no, "act": "insurance"})
        if answer.status_code != 200:
            raise DemoFailed(f"the insurance did not pay: {answer.status_code} {answer.text}")


@dataclass(slots=True)
class Finance:
    """Shows each entry of the ledger once, and what stands in its accounts."""

    db: Database
    narrator: Narrator
    seen_entry_id: int = 0

    async def show_entries(self) -> None:
        """Print what was posted since the last time, and the balances now; they have to sum to zero.

        Raises:
            DemoFailed: they do not.
        """
        rows = await self.db.fetch(
            "SELECT e.id, e.kind, p.account, p.amount_fen"
            " FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id"
            " WHERE e.id > $1 ORDER BY e.id, p.amount_fen DESC",
            self.seen_entry_id,
        )
        for entry_id, grouped in groupby(rows, key=itemgetter("id")):
            postings = list(grouped)
            debits = " + ".join(_posting(one) for one in postings if one["amount_fen"] > 0)
            credited = " + ".join(_posting(one) for one in postings if one["amount_fen"] < 0)
            self.narrator.say(f"  entry: {postings[0]['kind']:<16} {debits} <- {credited}")
            self.seen_entry_id = entry_id
        balances = await ledger.balances(self.db)
        for account, fen in sorted(balances.items()):
            self.narrator.say(f"  {account:<34} {format_yuan(fen):>12}")
        require(sum(balances.values()) == 0, f"the ledger does not balance: {dict(balances)}")

    async def settlement_of(self, order_id: str) -> Record:
        """Give the settlement of an order: its number, the HIS's number and what a receipt is made of."""
        rows = await self.db.fetch(
            "SELECT settlement_no, his_no, receipt, status FROM payment_settlement WHERE order_id = $1", order_id
        )
        return dict(rows[0])

    async def fiscal_receipts(self, order_id: str, *, standing_fen: int) -> list[Record]:
        """Give an order's fiscal e-receipts once those that stand come to an amount.

        Raises:
            DemoFailed: they do not.
        """
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            rows = await self.db.fetch(
                "SELECT code, number, amount_fen, red_number, status, written_off_for FROM fiscal_receipt"
                " WHERE order_id = $1 ORDER BY sequence",
                order_id,
            )
            standing = sum(row["amount_fen"] for row in rows if row["written_off_for"] is None)
            is_done = all((row["status"] == "written-off") == (row["written_off_for"] is not None) for row in rows)
            if rows and is_done and standing == standing_fen and all(row["number"] for row in rows):
                return [dict(row) for row in rows]
            require(time.monotonic() < deadline, f"receipts stand for {standing} fen, not for {standing_fen}")
            await asyncio.sleep(POLL_SECONDS)


def _posting(one: Row) -> str:
    return f"{one['account']} {format_yuan(abs(one['amount_fen']))}"


def receipt_lines(receipt: Mapping[str, Any]) -> Sequence[str]:
    """Lay a receipt's lines out."""
    return [
        f"{line['name']:<16} {line['quantity']:>3} x  {format_yuan(line['amount_fen']):>10}"
        for line in receipt.get("lines", [])
    ]
