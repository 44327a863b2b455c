"""Charts that the HIS has merged: whatever it tells of them, nobody is allowed more than before, or less."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from integration.codecs.hl7v2 import parse
from integration.exchange.hl7v2.profile import Hl7Profile, UnknownMessage
from integration.his.facts import PatientFacts, Sex
from integration.his.port import InboundChange, InboundKind
from kernel import clock
from kernel.db import Database
from patients.accounts import Accounts, bind_member, require_member
from patients.consents import give_consent, list_consents
from patients.errors import AccountNotFound, IdentityDisagrees
from patients.his import INBOUND, note_his_numbers
from patients.service import register_patient
from tests.factories.oauth import register_client
from tests.factories.patients import PORTAL, registration, resident_id

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
BORN = date(1985, 6, 1)
LOSING = PatientFacts(
    platform_id=None,
    his_number="MR1",
    name="王建国",
    birth_date=BORN,
    sex=Sex.MALE,
    document_type="CN-ID",
    document_number=resident_id(born=BORN, sequence=11),
    phone="13800000001",
)
KEPT = ("patient", "patient_identifier", "patient_access", "patient_account_member", "patient_consent", "oauth_grant")


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@dataclass
class Two:
    """Two people as the platform knows them, each with a chart; the first has an account and has allowed something."""

    account_id: UUID
    losing_id: UUID
    surviving_id: UUID


@pytest.fixture
async def two(database: Database) -> Two:
    await register_client(database, client_id="partner")
    async with database.transaction() as tx:
        account_id = await Accounts().open_account(tx, phone="13800000001")
    losing = await bind_member(
        account_id, registration(name="王建国", number=LOSING.document_number), relationship="self"
    )
    surviving, _ = await register_patient(
        registration(name="WANG JIANGUO", number="E12345678", document_type="PPN", sex=1, birth_date=BORN),
        actor=PORTAL,
    )
    async with database.transaction() as tx:
        await note_his_numbers(tx, {losing.id: "MR1", surviving.id: "MR2"})
        await give_consent(
            tx,
            account_id=account_id,
            patient_id=losing.id,
            client_id="partner",
            scopes=["patient/Appointment.rs"],
            until=NOON + timedelta(days=30),
        )
    return Two(account_id, losing.id, surviving.id)


async def hear(database: Database, told: PatientFacts) -> None:
    """Apply what the HIS tells of a person."""
    change = InboundChange(InboundKind.PATIENT_CHANGED, "MICROHIS", "M1", "patient", None, NOON, told)
    async with database.transaction() as tx:
        await INBOUND[0].apply(tx, change)


async def state(database: Database) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [dict(row) for row in await database.fetch(f"SELECT * FROM {name} ORDER BY {name}::text")]
        for name in KEPT
    }


@pytest.mark.parametrize(
    "change",
    [
        # The surviving chart, now with the other's document, name and telephone.
        {"his_number": "MR2", "version": 9},
        # The losing chart's number, with the survivor's passport.
        {"document_type": "PPN", "document_number": "e12345678", "version": 9},
        # A new chart made of both, told under one's own number here and with the other's document.
        {"his_number": "MR3", "platform_id": "surviving"},
        {"his_number": "MR2", "platform_id": "losing"},
    ],
)
async def test_a_chart_with_anothers_document_moves_nothing(
    database: Database, two: Two, change: dict[str, Any]
) -> None:
    if "platform_id" in change:
        change = change | {"platform_id": getattr(two, f"{change['platform_id']}_id")}
    before = await state(database)
    with pytest.raises(IdentityDisagrees):
        await hear(database, replace(LOSING, **change))
    assert await state(database) == before
    assert [one.is_in_force for one in await list_consents(database, account_id=two.account_id)] == [True]
    await require_member(two.account_id, two.losing_id)
    with pytest.raises(AccountNotFound):
        await require_member(two.account_id, two.surviving_id)


async def test_a_chart_that_is_still_its_persons_is_followed(database: Database, two: Two) -> None:
    await hear(database, replace(LOSING, phone="13800000009", version=2))
    renewed = replace(
        LOSING, his_number="MR2", name="王健国", document_type="PPN", document_number="E87654321", version=2
    )
    await hear(database, renewed)
    rows = await database.fetch("SELECT id, name, version FROM patient ORDER BY name")
    assert {row["id"]: (row["name"], row["version"]) for row in rows} == {
        two.losing_id: ("王建国", 2),
        two.surviving_id: ("王健国", 2),
    }


def test_a_merge_is_no_part_of_the_profile() -> None:
    merge = (
        "MSH|^~\\&|MICROHIS|GZHG|PLATFORM|GZHG|20261125120000+0800||ADT^A40^ADT_A39|M1|P|2.5.1||||||UNICODE UTF-8\r"
        "PID|1||MR2^^^MICROHIS^MR||王建国\rMRG|MR1^^^MICROHIS^MR\r"
    )
    with pytest.raises(UnknownMessage):
        Hl7Profile("MICROHIS").read(parse(merge.encode()))
