"""Consents: the latest word counts, and taking one back ends what hangs on it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from kernel import clock
from kernel.db import Database
from oauth import grants
from oauth.ports import Consent as GivenConsent
from patients.accounts import Accounts, bind_member, close_account, unbind_member
from patients.consents import Consents, give_consent, list_consents, withdraw_consent
from patients.errors import AccountNotFound, ConsentNotFound
from tests.factories.oauth import register_client
from tests.factories.patients import registration, resident_id

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
MONTH = timedelta(days=30)
CLIENT = "consent-partner"


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@pytest.fixture
async def client_id(database: Database) -> str:
    await register_client(database, client_id=CLIENT)
    return CLIENT


async def account_of(database: Database, phone: str, sequence: int) -> tuple[UUID, UUID]:
    """Give an account and its own holder."""
    async with database.transaction() as tx:
        account_id = await Accounts().open_account(tx, phone=phone)
    number = resident_id(born=date(1985, 6, 1), sequence=sequence)
    holder = await bind_member(account_id, registration(name="王建国", number=number), relationship="self")
    return account_id, holder.id


async def consent(
    database: Database, account_id: UUID, patient_id: UUID, *scopes: str, lasting: timedelta = MONTH
) -> UUID:
    async with database.transaction() as tx:
        return await give_consent(
            tx,
            account_id=account_id,
            patient_id=patient_id,
            client_id=CLIENT,
            scopes=scopes or ("appointments.read",),
            until=NOON + lasting,
        )


async def grant_on(database: Database, consent_id: UUID, account_id: UUID, patient_id: UUID) -> UUID:
    async with database.transaction() as tx:
        grant = await grants.create_grant(
            tx,
            client_id=CLIENT,
            subject_kind="account",
            subject_id=account_id,
            patient_id=patient_id,
            consent_id=consent_id,
            scopes=["appointments.read"],
            resources=["https://hospital.example/open/v1"],
            auth_time=NOON,
            acr="aal1",
            fhir_user=None,
            expires_at=NOON + MONTH,
        )
    return grant.id


async def found(account_id: UUID, patient_id: UUID) -> GivenConsent | None:
    return await Consents().find_consent(client_id=CLIENT, account_id=account_id, patient_id=patient_id)


async def grants_in_force(database: Database, account_id: UUID) -> list[UUID]:
    return [grant.id for grant in await grants.list_grants(database, subject_id=account_id)]


async def test_what_was_given_is_found_until_its_time(database: Database, client_id: str) -> None:
    account_id, patient_id = await account_of(database, "13800000001", 11)
    assert await found(account_id, patient_id) is None
    given = await consent(database, account_id, patient_id, "queue.read", "appointments.read")
    assert await found(account_id, patient_id) == GivenConsent(
        given, frozenset({"appointments.read", "queue.read"}), NOON + MONTH
    )
    with clock.frozen(NOON + MONTH):
        assert await found(account_id, patient_id) is None


async def test_the_latest_word_counts_and_ends_what_hung_on_the_one_before(database: Database, client_id: str) -> None:
    account_id, patient_id = await account_of(database, "13800000001", 11)
    first = await consent(database, account_id, patient_id, "appointments.read", "appointments.write")
    old = await grant_on(database, first, account_id, patient_id)
    second = await consent(database, account_id, patient_id, "appointments.read")
    new = await grant_on(database, second, account_id, patient_id)
    in_force = await found(account_id, patient_id)
    assert in_force is not None
    assert (in_force.id, in_force.scopes) == (second, frozenset({"appointments.read"}))
    assert await grants_in_force(database, account_id) == [new]
    assert await database.fetchval("SELECT count(*) FROM oauth_revocation WHERE value = $1", str(old)) == 1
    assert [(one.id, one.status) for one in await list_consents(database, account_id=account_id)] == [
        (second, "active"),
        (first, "replaced"),
    ]


async def test_taking_one_back_ends_its_grants_and_is_the_same_twice(database: Database, client_id: str) -> None:
    account_id, patient_id = await account_of(database, "13800000001", 11)
    given = await consent(database, account_id, patient_id)
    await grant_on(database, given, account_id, patient_id)
    await withdraw_consent(given, account_id=account_id)
    await withdraw_consent(given, account_id=account_id)
    assert await found(account_id, patient_id) is None
    assert await grants_in_force(database, account_id) == []
    events = await database.fetch("SELECT kind FROM patient_consent_event WHERE consent_id = $1 ORDER BY id", given)
    assert [row["kind"] for row in events] == ["given", "withdrawn"]


async def test_the_patients_own_account_takes_back_what_another_allowed(database: Database, client_id: str) -> None:
    father, father_id = await account_of(database, "13800000001", 11)
    daughter, _ = await account_of(database, "13800000002", 12)
    number = resident_id(born=date(1985, 6, 1), sequence=11)
    bound = await bind_member(
        daughter, registration(name="王建国", number=number), relationship="parent", consent_note="本人口头同意"
    )
    assert bound.id == father_id
    given = await consent(database, daughter, father_id)
    assert [one.id for one in await list_consents(database, account_id=father)] == [given]
    await withdraw_consent(given, account_id=father)
    assert await found(daughter, father_id) is None


async def test_nobody_sees_or_takes_back_what_is_not_theirs(database: Database, client_id: str) -> None:
    account_id, patient_id = await account_of(database, "13800000001", 11)
    stranger, _ = await account_of(database, "13800000002", 12)
    given = await consent(database, account_id, patient_id)
    with pytest.raises(ConsentNotFound):
        await withdraw_consent(given, account_id=stranger)
    assert await list_consents(database, account_id=stranger) == []
    assert await found(account_id, patient_id) is not None
    with pytest.raises(AccountNotFound):
        await consent(database, stranger, patient_id)


async def test_who_is_no_longer_a_member_has_no_consents_left(database: Database, client_id: str) -> None:
    account_id, patient_id = await account_of(database, "13800000001", 11)
    given = await consent(database, account_id, patient_id)
    await grant_on(database, given, account_id, patient_id)
    await unbind_member(account_id, patient_id)
    assert await grants_in_force(database, account_id) == []
    row = await database.fetchrow("SELECT status, ended_because FROM patient_consent WHERE id = $1", given)
    assert row is not None
    assert tuple(row.values()) == ("withdrawn", "unbound")


async def test_a_closed_account_has_allowed_nothing(database: Database, client_id: str) -> None:
    account_id, patient_id = await account_of(database, "13800000001", 11)
    given = await consent(database, account_id, patient_id)
    await grant_on(database, given, account_id, patient_id)
    await close_account(account_id)
    assert await grants_in_force(database, account_id) == []
    assert await found(account_id, patient_id) is None


async def test_of_twenty_at_once_one_stands(database: Database, client_id: str) -> None:
    account_id, patient_id = await account_of(database, "13800000001", 11)
    given = await asyncio.gather(*(consent(database, account_id, patient_id) for _ in range(20)))
    standing = [one for one in await list_consents(database, account_id=account_id) if one.status == "active"]
    assert len(set(given)) == 20
    assert len(standing) == 1


async def test_history_is_not_rewritten(database: Database, client_id: str) -> None:
    account_id, patient_id = await account_of(database, "13800000001", 11)
    await consent(database, account_id, patient_id)
    with pytest.raises(asyncpg.PostgresError):
        await database.execute("UPDATE patient_consent_event SET kind = 'withdrawn'")
