"""A fiscal receipt through the running platform: outbox, relay, worker, and the emulated fiscal platform's books."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from kernel import clock
from kernel.crypto import FieldCipher
from kernel.db import Transaction, _prepare_connection
from kernel.ids import new_id
from payments.receipts.port import ReceiptItem, ReceiptKind
from payments.receipts.service import RefundedOrder, SettledOrder, issue_for, write_off_for
from runtime.data_folder import DataFolder
from tests.factories.patients import resident_id
from tests.platform import Hospital

pytestmark = pytest.mark.slow

SEEN_SECONDS_MAX = 60


def items(fen: int) -> list[ReceiptItem]:
    return [ReceiptItem(code="13", name="挂号费", unit="次", quantity="1", amount_fen=fen)]


@asynccontextmanager
async def transaction(hospital: Hospital) -> AsyncIterator[Transaction]:
    connection = await asyncpg.connect(DataFolder(hospital.data).load_environment()["DATABASE_URL"])
    try:
        await _prepare_connection(connection)
        async with connection.transaction():
            yield Transaction(connection)
    finally:
        await connection.close()


async def test_a_receipt_is_issued_written_off_and_issued_anew(hospital_running: Hospital) -> None:
    order_id = new_id()

    async def see(wanted: list[tuple[str, int]]) -> None:
        found: list[tuple[str, int]] = []
        async with asyncio.timeout(SEEN_SECONDS_MAX):
            while found != wanted:
                await asyncio.sleep(0.1)
                async with transaction(hospital_running) as tx:
                    rows = await tx.fetch(
                        "SELECT status, amount_fen FROM fiscal_receipt WHERE order_id = $1 ORDER BY sequence", order_id
                    )
                found = [(row["status"], row["amount_fen"]) for row in rows]

    async with transaction(hospital_running) as tx:
        patient_id, kind, number = new_id(), ReceiptKind.REGISTRATION, resident_id(sequence=771)
        cipher = FieldCipher.from_directory(hospital_running.data / "keys")
        await tx.execute(
            "INSERT INTO patient (id, name, sex, birth_date, document_type, document_cipher, document_hash)"
            " VALUES ($1, '陈测试', 1, '1990-03-07', 'CN-ID', $2, $3)",
            patient_id,
            cipher.seal(number),
            cipher.lookup_hash(number),
        )
        await issue_for(
            tx, SettledOrder(order_id, kind, patient_id, "alipay", 1250, items(1250), settled_at=clock.now())
        )
    await see([("issued", 1250)])
    async with transaction(hospital_running) as tx:
        await write_off_for(tx, RefundedOrder(new_id(), order_id, 250, items(1000)))
    await see([("written-off", 1250), ("issued", 1000)])

    fiscal = hospital_running.run["emulators"]["fiscal"]
    async with httpx.AsyncClient(base_url=fiscal["base_url"], timeout=30, trust_env=False) as http:
        shown = await http.get("/sandbox/receipts", headers={"authorization": f"Bearer {fiscal['token']}"})
    books = [(one["total_fen"], bool(one["red_number"])) for one in shown.json()["receipts"]]
    assert books == [(1250, True), (1000, False)]
