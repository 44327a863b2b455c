"""A person's stay in hospital as the HIS has it: its account, and what it was charged for a day."""

from datetime import date
from uuid import UUID

from integration.his.billing import DailyCharges, Stay
from kernel.db import Transaction
from payments import errors
from payments.billing import billing, require_his_number


async def read_stay(patient_id: UUID, admission_no: str | None = None) -> Stay:
    """Give a person's stay, the present or latest where none is named, with its account.

    Whether the caller may see the person is looked at before.

    Raises:
        StayNotFound: none, or another person's.
        PatientNotLinked, HisUnavailable, HisDisagrees, DatabaseUnavailable.
    """
    his_number = await require_his_number(patient_id)
    if admission_no is None:
        stay = await billing().find_stay(his_number)
    else:
        stay = await billing().fetch_stay(admission_no)
    if stay is None or stay.his_number != his_number:
        raise errors.StayNotFound
    return stay


async def read_daily_charges(patient_id: UUID, admission_no: str, day: date) -> DailyCharges:
    """Give what a person's stay was charged for a day of the hospital's (一日清单).

    Raises:
        As read_stay.
    """
    await read_stay(patient_id, admission_no)
    charges = await billing().list_charges(admission_no, day)
    if charges is None:
        raise errors.StayNotFound
    return charges


async def lock_account(tx: Transaction, stay: Stay, patient_id: UUID) -> None:
    """Let nobody else order a deposit for a stay until the transaction is over."""
    await tx.execute(
        "INSERT INTO inpatient_account (admission_no, patient_id, his_number) VALUES ($1, $2, $3)"
        " ON CONFLICT (admission_no) DO NOTHING",
        stay.admission_no,
        patient_id,
        stay.his_number,
    )
    await tx.execute("SELECT FROM inpatient_account WHERE admission_no = $1 FOR UPDATE", stay.admission_no)
