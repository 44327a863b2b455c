"""The HIS's record number of a person: none until the HIS has told it, asked for once."""

from kernel.db import Database
from patients.his import find_his_number, note_his_numbers
from patients.service import register_patient
from runtime.demo_charges import link_people
from tests.factories.patients import PORTAL, registration


async def test_a_persons_record_number_is_known_once_the_his_has_told_it(database: Database) -> None:
    patient, _ = await register_patient(registration(), actor=PORTAL)
    assert await find_his_number(database, patient.id) is None

    assert await link_people([patient.id]) == 1
    told = await database.fetch(
        "SELECT event_type, aggregate FROM outbox WHERE event_type = 'patient.changed' AND handler = 'his'"
    )
    assert [tuple(row) for row in told] == [("patient.changed", f"patient:{patient.id}")]

    async with database.transaction() as tx:
        await note_his_numbers(tx, {patient.id: "MR00000017"})
    assert await find_his_number(database, patient.id) == "MR00000017"
    assert await link_people([patient.id]) == 0
