"""Making receipts so at the fiscal platform: a letter is one call, outside any transaction, and what came of it."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from kernel import clock
from kernel.boxes import Lease
from kernel.db import Database, DatabaseUnavailable, Row
from kernel.log import get_logger
from kernel.outbox import OUTBOX
from payments.receipts.errors import FiscalRefused, FiscalUnavailable
from payments.receipts.port import (
    FiscalNumber,
    FiscalPlatform,
    IssuedReceipt,
    Payers,
    ReceiptItem,
    ReceiptKind,
    ReceiptRequest,
)
from payments.receipts.service import ISSUE, WRITE_OFF
from payments.receipts.states import RECEIPT

LEASE_SECONDS: Final = 60.0
LETTERS_MAX: Final = 10
"""Of a batch: each may take the platform's whole time limit; the others go back."""
BATCH_SECONDS_MAX: Final = 10.0
"""No letter is begun after this: the last may take two calls' time limits, and the task ends at 40 s."""
FAULTS_MAX: Final = 8
"""Tries at which our own code breaks, or a write-off is refused; then it waits for a person."""
RETRY_SECONDS_MAX: Final = 300
REASON: Final = "退费"

log = get_logger("payments.receipts")


class NotIssuedYet(Exception):
    """A receipt is to be written off before it was issued: the order of letters has been broken."""


class ReceiptWork:
    """Works on leased letters of receipts, one after another."""

    def __init__(self, db: Database, platform: FiscalPlatform, payers: Payers) -> None:
        self._db = db
        self._platform = platform
        self._payers = payers
        self._steps = {ISSUE: self._issue, WRITE_OFF: self._write_off}

    async def aclose(self) -> None:
        """Give the connections to the platform back."""
        await self._platform.aclose()

    async def work(self, lease: Lease) -> int:
        """Try each letter once; give how many were answered. A platform that is silent is not asked again this time.

        Raises:
            DatabaseUnavailable: the lease ends and the letters go again.
        """
        letters = await OUTBOX.renew(self._db, lease, lease_seconds=LEASE_SECONDS)
        begun, answered = clock.machine_now(), 0
        for place, letter in enumerate(letters):
            is_late = clock.machine_now() - begun > timedelta(seconds=BATCH_SECONDS_MAX)
            if place == LETTERS_MAX or is_late or not await self._try(lease, letter):
                await OUTBOX.release(self._db, lease, [one["id"] for one in letters[place:]])
                break
            answered += 1
        return answered

    async def _try(self, lease: Lease, letter: Row) -> bool:
        """Tell whether the platform answers; a letter that fails is put off."""
        try:
            await self._steps[letter["event_type"]](UUID(letter["payload"]["id"]), lease, letter["id"])
        except FiscalUnavailable as silence:
            delay = timedelta(seconds=min(RETRY_SECONDS_MAX, 2 ** min(letter["attempts"], 10)))
            await OUTBOX.postpone(self._db, lease, letter["id"], error=str(silence), delay=delay, refused=False)
            return False
        except DatabaseUnavailable:
            raise
        except Exception as error:
            # A refused write-off is one too: money is on its way back, so a person has to see it.
            fault = error.code if isinstance(error, FiscalRefused) else type(error).__name__
            log.exception("receipt_step_failed", letter=letter["id"], fault=fault)
            await self._put_off(lease, letter, fault)
        return True

    async def _put_off(self, lease: Lease, letter: Row, fault: str) -> None:
        if letter["refusals"] + 1 >= FAULTS_MAX:
            await OUTBOX.bury(self._db, lease, letter["id"], error=fault)
            return
        delay = timedelta(seconds=min(RETRY_SECONDS_MAX, 2 ** letter["refusals"]))
        await OUTBOX.postpone(self._db, lease, letter["id"], error=fault, delay=delay, refused=True)

    async def _issue(self, receipt_id: UUID, lease: Lease, letter_id: int) -> None:
        row = await self._read(receipt_id)
        if row["status"] != "issuing":
            await OUTBOX.finish(self._db, lease, [letter_id], note="nothing to issue")
            return
        request = ReceiptRequest(
            business_no=row["business_no"],
            kind=ReceiptKind(row["kind"]),
            payer=await self._payers.payer_of(row["patient_id"]),
            channel=row["channel"],
            amount_fen=row["amount_fen"],
            items=[ReceiptItem(**item) for item in row["items"]],
            occurred_at=row["occurred_at"],
        )
        try:
            issued = await self._platform.issue(request)
        except FiscalRefused as refusal:
            log.error("fiscal_receipt_refused", receipt=str(receipt_id), code=refusal.code)
            await self._keep_refused(receipt_id, refusal.code, lease, letter_id)
            return
        await self._keep_issued(receipt_id, issued, lease, letter_id)

    async def _write_off(self, receipt_id: UUID, lease: Lease, letter_id: int) -> None:
        row = await self._read(receipt_id)
        if row["status"] == "issued":
            name = FiscalNumber(row["code"], row["number"])
            red = await self._platform.write_off(name, reason=REASON)
            await self._keep_written_off(receipt_id, red, lease, letter_id)
        elif row["status"] == "refused":
            await self._keep_void(receipt_id, lease, letter_id)
        elif row["status"] == "issuing":
            raise NotIssuedYet
        else:
            await OUTBOX.finish(self._db, lease, [letter_id], note="nothing to write off")

    async def _read(self, receipt_id: UUID) -> Row:
        row = await self._db.fetchrow("SELECT * FROM fiscal_receipt WHERE id = $1", receipt_id)
        assert row is not None, "a receipt is never removed"
        return row

    async def _keep_issued(self, receipt_id: UUID, issued: IssuedReceipt, lease: Lease, letter_id: int) -> None:
        async with self._db.transaction() as tx:
            await OUTBOX.finish(tx, lease, [letter_id])
            # Whoever comes back late with the same receipt finds it kept already.
            await tx.execute(
                "UPDATE fiscal_receipt SET status = 'issued', code = $2, number = $3, check_code = $4, page_url = $5,"
                " issued_at = $6, fault = NULL WHERE id = $1 AND status = ANY($7)",
                receipt_id,
                issued.name.code,
                issued.name.number,
                issued.check_code,
                issued.page_url,
                clock.now(),
                RECEIPT.before("issued"),
            )

    async def _keep_refused(self, receipt_id: UUID, code: str, lease: Lease, letter_id: int) -> None:
        async with self._db.transaction() as tx:
            await OUTBOX.finish(tx, lease, [letter_id], note=code[:200])
            await tx.execute(
                "UPDATE fiscal_receipt SET status = 'refused', fault = $2 WHERE id = $1 AND status = ANY($3)",
                receipt_id,
                code[:200],
                RECEIPT.before("refused"),
            )

    async def _keep_written_off(self, receipt_id: UUID, red: FiscalNumber, lease: Lease, letter_id: int) -> None:
        async with self._db.transaction() as tx:
            await OUTBOX.finish(tx, lease, [letter_id])
            await tx.execute(
                "UPDATE fiscal_receipt SET status = 'written-off', red_code = $2, red_number = $3, written_off_at = $4"
                " WHERE id = $1 AND status = ANY($5)",
                receipt_id,
                red.code,
                red.number,
                clock.now(),
                RECEIPT.before("written-off"),
            )

    async def _keep_void(self, receipt_id: UUID, lease: Lease, letter_id: int) -> None:
        async with self._db.transaction() as tx:
            await OUTBOX.finish(tx, lease, [letter_id], note="never issued")
            await tx.execute(
                "UPDATE fiscal_receipt SET status = 'void' WHERE id = $1 AND status = ANY($2)",
                receipt_id,
                RECEIPT.before("void"),
            )
