"""Which fiscal e-receipt platform this hospital has, and whom receipts are made out to."""

from dataclasses import dataclass
from uuid import UUID

from kernel.db import Database
from kernel.settings import Settings, SettingsError
from patients.his import HIS_SYSTEM
from patients.queries import billing_name
from payments.gateways.references import KeyStore
from payments.receipts.bosi import BosiFiscal, FiscalAccount
from payments.receipts.port import Payer
from payments.receipts.work import ReceiptWork
from runtime.sandbox_channels import FISCAL_APP_ID, FISCAL_KEY, FISCAL_PLACE_CODE


@dataclass(frozen=True, slots=True)
class PatientPayers:
    """Makes receipts out to the patient; without a number in the HIS yet, under our own."""

    db: Database

    async def payer_of(self, patient_id: UUID) -> Payer:
        """Give whom receipts of a patient are made out to."""
        name, number = await billing_name(self.db, patient_id, number_system=HIS_SYSTEM)
        return Payer(name=name, patient_no=number or patient_id.hex[:20])


def build_fiscal(settings: Settings) -> BosiFiscal:
    """Give the way to the fiscal platform; a sandbox has an account of its own with the one that is played there.

    Raises:
        SettingsError: FISCAL_BASE_URL is not set, or production lacks its account.
        KeyUnusable: the key is not where FISCAL_KEY says.
    """
    if settings.fiscal_base_url is None:
        raise SettingsError("FISCAL_BASE_URL is not set: where is the fiscal e-receipt platform?")
    app_id, key, place = settings.fiscal_app_id, settings.fiscal_key, settings.fiscal_place_code
    if not settings.production:
        app_id, key, place = app_id or FISCAL_APP_ID, key or FISCAL_KEY, place or FISCAL_PLACE_CODE
    if app_id is None or key is None or place is None:
        raise SettingsError("FISCAL_APP_ID, FISCAL_KEY and FISCAL_PLACE_CODE are wanted with FISCAL_BASE_URL")
    account = FiscalAccount(
        app_id=app_id,
        key=KeyStore(settings.keys_dir).read({"fiscal_key": key}, "fiscal_key"),
        place_code=place,
        operator=settings.fiscal_operator,
    )
    return BosiFiscal(base_url=settings.fiscal_base_url, account=account)


def build_receipt_work(db: Database, settings: Settings) -> ReceiptWork:
    """Give what works on receipts in this process.

    Raises:
        SettingsError, KeyUnusable: as `build_fiscal`.
    """
    return ReceiptWork(db, build_fiscal(settings), PatientPayers(db))
