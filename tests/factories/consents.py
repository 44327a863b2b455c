"""Consents that accounts have given to applications, with the grant that rests on each."""

from datetime import timedelta
from uuid import UUID

from kernel import clock
from kernel.db import Database
from patients.consents import give_consent
from tests.factories.grants import grant_of
from tests.factories.oauth import RegisteredClient

SCOPES = ("patient/Appointment.rs", "patient/Patient.r")


async def consented(
    db: Database, client: RegisteredClient, account_id: UUID, patient_id: UUID, *, days: int = 30
) -> UUID:
    """Give an application what the consent page would, and give the consent's id."""
    until = clock.now() + timedelta(days=days)
    async with db.transaction() as tx:
        consent_id = await give_consent(
            tx, account_id=account_id, patient_id=patient_id, client_id=client.id, scopes=SCOPES, until=until
        )
    await grant_of(
        db,
        client,
        scopes=SCOPES,
        subject_id=account_id,
        patient_id=patient_id,
        consent_id=consent_id,
        expires_at=until,
    )
    return consent_id
