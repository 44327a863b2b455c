"""Receipts as the worker makes them: for patients as they are registered, under the settings of a process."""

from pathlib import Path

import pytest

from kernel import crypto
from kernel.db import Database
from kernel.ids import new_id
from kernel.settings import Settings, SettingsError
from patients.errors import PatientNotFound
from patients.his import HIS_SYSTEM
from patients.service import attach_identifier, register_patient
from payments.gateways.references import KeyUnusable
from payments.receipts.port import Payer
from payments.receipts.service import HANDLER
from runtime.keys import create_missing
from runtime.receipts import PatientPayers, build_fiscal
from runtime.sandbox_channels import FISCAL_APP_ID, open_fiscal_account
from runtime.worker.app import RECEIPT
from runtime.worker.relay import build_queues
from tests.factories.patients import PORTAL, registration


def settings(keys_dir: Path, **more: str) -> Settings:
    return Settings.from_environment({"DATABASE_URL": "postgresql://x/y", "KEYS_DIR": str(keys_dir), **more})


async def test_receipts_are_made_out_to_the_patient_under_the_his_number(database: Database, tmp_path: Path) -> None:
    create_missing(tmp_path)
    crypto.load_cipher(tmp_path)
    patient, _ = await register_patient(registration(name="张三"), actor=PORTAL)
    payers = PatientPayers(database)
    assert await payers.payer_of(patient.id) == Payer("张三", patient.id.hex[:20])
    async with database.transaction() as tx:
        await attach_identifier(tx, patient_id=patient.id, system=HIS_SYSTEM, value="MR00012")
    assert await payers.payer_of(patient.id) == Payer("张三", "MR00012")
    with pytest.raises(PatientNotFound):
        await payers.payer_of(new_id())


async def test_a_sandbox_uses_the_account_that_was_made_for_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FISCAL_BASE_URL"):
        build_fiscal(settings(tmp_path))
    with pytest.raises(KeyUnusable):
        build_fiscal(settings(tmp_path, FISCAL_BASE_URL="http://127.0.0.1:1"))
    open_fiscal_account(keys_dir=tmp_path, emulator_dir=tmp_path / "own")
    fiscal = build_fiscal(settings(tmp_path, FISCAL_BASE_URL="http://127.0.0.1:1"))
    assert fiscal._account.app_id == FISCAL_APP_ID
    assert fiscal._account.key in (tmp_path / "own" / "account.json").read_text()
    await fiscal.aclose()


async def test_the_relay_hands_receipts_on_only_where_there_is_a_platform(database: Database, tmp_path: Path) -> None:
    def handlers(**more: str) -> list[tuple[str, str]]:
        return [(queue.handler, queue.task) for queue in build_queues(database, settings(tmp_path, **more))]

    assert (HANDLER, RECEIPT) not in handlers()
    assert (HANDLER, RECEIPT) in handlers(FISCAL_BASE_URL="http://127.0.0.1:1")
