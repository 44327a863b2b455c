"""A patient's account: who it may act for, bound by name and document, and by whom."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from kernel import clock
from kernel.db import Database
from kernel.ids import new_id
from oauth.sign_in.errors import TooManyAttempts
from oauth.sign_in.sessions import purge_sessions
from patients.accounts import (
    ACCOUNTS_PER_PATIENT_MAX,
    BINDINGS,
    MEMBERS_MAX,
    UNUSED_AFTER,
    Accounts,
    bind_member,
    choose_default,
    close_account,
    is_adult,
    require_member,
    unbind_member,
)
from patients.errors import (
    AccountNotFound,
    AlreadyMember,
    ConsentMissing,
    DocumentDisagrees,
    GuardianRequired,
    InvalidDocument,
    MemberLimitReached,
    NameMismatch,
)
from patients.service import register_patient
from tests.factories.patients import PORTAL, registration, resident_id

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
AGREED = "本人口头同意"
GROWN_UP = date(1985, 6, 1)
CHILD = date(2018, 6, 1)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


async def account(database: Database, phone: str = "13800000001") -> UUID:
    async with database.transaction() as tx:
        return await Accounts().open_account(tx, phone=phone)


async def bind_self(account_id: UUID, born: date = GROWN_UP) -> UUID:
    wanted = registration(name="王建国", number=resident_id(born=born, sequence=11))
    return (await bind_member(account_id, wanted, relationship="self")).id


async def bind_another(account_id: UUID, sequence: int, *, born: date = date(1955, 2, 3)) -> UUID:
    wanted = registration(name="李秀英", number=resident_id(born=born, sequence=sequence))
    return (await bind_member(account_id, wanted, relationship="parent", consent_note=AGREED)).id


async def state(database: Database) -> tuple[int, ...]:
    tables = ("patient", "patient_account_member", "patient_event", "outbox")
    return tuple([await database.fetchval(f"SELECT count(*) FROM {table}") for table in tables])


async def test_a_number_opens_one_account_however_many_verify_it_at_once(database: Database) -> None:
    opened = await asyncio.gather(*(account(database) for _ in range(6)))
    assert len(set(opened)) == 1
    kept = str(dict((await database.fetch("SELECT * FROM patient_account"))[0]))
    assert "13800000001" not in kept


async def seen(database: Database, account_id: UUID, at: datetime) -> None:
    await database.execute(
        "INSERT INTO sign_in_session (id, token_hash, subject_kind, subject_id, methods, acr, auth_time, device,"
        " created_at, seen_at, expires_at, ended_at, ended_by) VALUES"
        " ($1, $2, 'account', $3, '{sms}', 'aal1', $4, '', $4, $4, $4, $4, 'signed_out')",
        new_id(),
        new_id().bytes,
        account_id,
        at,
    )


async def test_whoever_gets_a_number_that_was_given_up_does_not_get_its_family(database: Database) -> None:
    first = await account(database)
    patient_id = await bind_self(first)
    later = NOON + UNUSED_AFTER
    with clock.frozen(later):
        assert await account(database) == first
    with clock.frozen(later + timedelta(seconds=1)):
        opened = await asyncio.gather(*(account(database) for _ in range(6)))
        assert len(set(opened)) == 1
        assert opened[0] != first
        with pytest.raises(AccountNotFound):
            await require_member(opened[0], patient_id)
        with pytest.raises(AccountNotFound):
            await require_member(first, patient_id)
        # It was its own owner who had been away: who has the document is bound again.
        assert await bind_self(opened[0]) == patient_id


async def test_a_closed_account_keeps_nothing_to_sign_in_with(database: Database) -> None:
    account_id, other = await account(database), await account(database, "13800000002")
    for whose in (account_id, other):
        await database.execute(
            "INSERT INTO sign_in_passkey (id, subject_kind, subject_id, credential_id, public_key,"
            " sign_count, name, created_at) VALUES ($1, 'account', $2, $3, $3, 0, '手机', $4)",
            new_id(),
            whose,
            whose.bytes,
            clock.now(),
        )
    await close_account(account_id)
    assert [row["subject_id"] for row in await database.fetch("SELECT subject_id FROM sign_in_passkey")] == [other]


async def test_an_account_in_use_stays_its_owners_however_long_ago_the_number_was_proved(database: Database) -> None:
    first = await account(database)
    await bind_self(first)
    await seen(database, first, NOON + timedelta(days=200))
    with clock.frozen(NOON + timedelta(days=200) + UNUSED_AFTER):
        await purge_sessions(database)
        assert await account(database) == first


async def test_the_holder_is_bound_by_name_and_document_and_is_the_default(database: Database) -> None:
    account_id = await account(database)
    patient_id = await bind_self(account_id)
    [member] = await Accounts().members(account_id)
    assert (member.patient_id, member.name, member.relationship, member.is_default) == (
        patient_id,
        "王建国",
        "self",
        True,
    )
    await require_member(account_id, patient_id)
    events = await database.fetch("SELECT kind, client_id, details FROM patient_event ORDER BY id")
    assert [event["kind"] for event in events] == ["registered", "account_bound"]
    assert events[1]["client_id"] == f"account:{account_id}"
    assert events[1]["details"] == {"account_id": str(account_id), "relationship": "self"}
    assert await database.fetchval("SELECT count(*) FROM patient_access") == 0


async def test_a_person_who_is_here_already_is_the_same_person(database: Database) -> None:
    wanted = registration(name="王建国", number=resident_id(born=GROWN_UP, sequence=11))
    known, _ = await register_patient(wanted, actor=PORTAL)
    account_id = await account(database)
    assert await bind_self(account_id) == known.id


@pytest.mark.parametrize(
    ("name", "number", "refusal"),
    [
        ("王建军", resident_id(born=GROWN_UP, sequence=11), NameMismatch),
        ("王建国", "11010119850601001X", InvalidDocument),
    ],
)
async def test_who_does_not_know_name_and_document_is_refused(
    database: Database, name: str, number: str, refusal: type[Exception]
) -> None:
    await register_patient(registration(name="王建国", number=resident_id(born=GROWN_UP, sequence=11)), actor=PORTAL)
    account_id = await account(database)
    before = await state(database)
    with pytest.raises(refusal):
        await bind_member(account_id, registration(name=name, number=number), relationship="self")
    assert await state(database) == before


async def test_a_birth_date_that_disagrees_is_refused(database: Database) -> None:
    account_id = await account(database)
    before = await state(database)
    with pytest.raises(DocumentDisagrees):
        await bind_member(account_id, registration(birth_date=date(1991, 1, 1)), relationship="self")
    assert await state(database) == before


async def test_names_cannot_be_tried_out(database: Database) -> None:
    await register_patient(registration(name="王建国", number=resident_id(born=GROWN_UP, sequence=11)), actor=PORTAL)
    account_id = await account(database)
    for number in range(BINDINGS.count_max):
        wanted = registration(name=f"王{number}", number=resident_id(born=GROWN_UP, sequence=11))
        with pytest.raises(NameMismatch):
            await bind_member(account_id, wanted, relationship="self")
    with pytest.raises(TooManyAttempts):
        await bind_self(account_id)


@pytest.mark.parametrize("note", [None, "", "   "])
async def test_who_acts_for_another_says_how_they_agreed(database: Database, note: str | None) -> None:
    account_id = await account(database)
    with pytest.raises(ConsentMissing):
        await bind_member(account_id, registration(), relationship="spouse", consent_note=note)
    assert await state(database) == (0, 0, 0, 0)


async def test_a_minor_is_bound_by_a_grown_up_holder_alone(database: Database) -> None:
    account_id = await account(database)
    child = registration(name="王小明", number=resident_id(born=CHILD, sequence=31))
    with pytest.raises(GuardianRequired) as refused:
        await bind_member(account_id, child, relationship="child", consent_note="监护人")
    assert refused.value.details == {"rule": "adult_holder"}
    with pytest.raises(GuardianRequired) as refused:
        await bind_member(account_id, child, relationship="self")
    assert refused.value.details == {"rule": "child_or_ward"}
    assert await state(database) == (0, 0, 0, 0)

    await bind_self(account_id)
    bound = await bind_member(account_id, child, relationship="child", consent_note="监护人")
    assert [one.patient_id for one in await Accounts().members(account_id)][1] == bound.id


@pytest.mark.parametrize(
    ("born", "today", "adult"),
    [
        (date(2008, 11, 25), NOON, True),
        (date(2008, 11, 26), NOON, False),
        (date(2008, 2, 29), datetime(2026, 2, 28, 4, tzinfo=UTC), False),
        (date(2008, 2, 29), datetime(2026, 3, 1, 4, tzinfo=UTC), True),
        # Past midnight in Guangzhou, while it is the day before in UTC.
        (date(2008, 11, 25), datetime(2026, 11, 24, 16, 30, tzinfo=UTC), True),
    ],
)
def test_of_age_is_who_has_had_the_eighteenth_birthday(born: date, today: datetime, *, adult: bool) -> None:
    with clock.frozen(today):
        assert is_adult(born) is adult


async def test_nobody_is_bound_twice_and_one_account_has_one_holder(database: Database) -> None:
    account_id = await account(database)
    await bind_self(account_id)
    before = await state(database)
    for wanted in (
        registration(name="王建国", number=resident_id(born=GROWN_UP, sequence=11)),
        registration(name="陈二", number=resident_id(sequence=51)),
    ):
        with pytest.raises(AlreadyMember):
            await bind_member(account_id, wanted, relationship="self")
    assert await state(database) == before


async def test_an_account_has_so_many_members_even_if_all_come_at_once(database: Database) -> None:
    account_id = await account(database)
    outcomes = await asyncio.gather(
        *(bind_another(account_id, sequence) for sequence in range(101, 101 + MEMBERS_MAX + 3)), return_exceptions=True
    )
    assert sum(isinstance(one, MemberLimitReached) for one in outcomes) == 3
    assert len(await Accounts().members(account_id)) == MEMBERS_MAX
    assert sum(one.is_default for one in await Accounts().members(account_id)) == 1


async def test_a_person_is_on_so_many_accounts_even_if_all_come_at_once(database: Database) -> None:
    accounts = [await account(database, f"138000000{n:02d}") for n in range(ACCOUNTS_PER_PATIENT_MAX + 2)]
    outcomes = await asyncio.gather(*(bind_another(one, 7) for one in accounts), return_exceptions=True)
    assert sum(isinstance(one, MemberLimitReached) for one in outcomes) == 2
    assert await database.fetchval("SELECT count(*) FROM patient_account_member") == ACCOUNTS_PER_PATIENT_MAX


async def test_whoever_is_unbound_is_acted_for_no_more_and_the_next_is_the_default(database: Database) -> None:
    account_id = await account(database)
    holder = await bind_self(account_id)
    mother = await bind_another(account_id, 12)
    await unbind_member(account_id, holder)
    with pytest.raises(AccountNotFound):
        await require_member(account_id, holder)
    assert [(one.patient_id, one.is_default) for one in await Accounts().members(account_id)] == [(mother, True)]
    with pytest.raises(AccountNotFound):
        await unbind_member(account_id, holder)
    kinds = [row["kind"] for row in await database.fetch("SELECT kind FROM patient_event ORDER BY id")]
    assert kinds[-1] == "account_unbound"


async def test_another_default_is_chosen_among_the_members_alone(database: Database) -> None:
    account_id = await account(database)
    holder = await bind_self(account_id)
    mother = await bind_another(account_id, 12)
    await choose_default(account_id, mother)
    assert [one.patient_id for one in await Accounts().members(account_id)] == [mother, holder]
    with pytest.raises(AccountNotFound):
        await choose_default(account_id, uuid4())
    assert (await Accounts().members(account_id))[0].patient_id == mother


async def test_another_accounts_members_are_absent(database: Database) -> None:
    mine, theirs = await account(database), await account(database, "13800000002")
    holder = await bind_self(theirs)
    for call in (require_member(mine, holder), unbind_member(mine, holder), choose_default(mine, holder)):
        with pytest.raises(AccountNotFound):
            await call
    assert [one.patient_id for one in await Accounts().members(theirs)] == [holder]


async def test_a_closed_account_acts_for_nobody_and_its_number_is_free(database: Database) -> None:
    account_id = await account(database)
    holder = await bind_self(account_id)
    await database.execute(
        "INSERT INTO sign_in_session (id, token_hash, subject_kind, subject_id, methods, acr, auth_time, device,"
        " created_at, seen_at, expires_at) VALUES ($1, 'x', 'account', $2, '{sms}', 'aal1', $3, '', $3, $3, $3)",
        new_id(),
        account_id,
        NOON,
    )
    await close_account(account_id)
    assert not await Accounts().is_active(account_id)
    assert list(await Accounts().members(account_id)) == []
    assert await database.fetchval("SELECT ended_by FROM sign_in_session") == "closed"
    for call in (require_member(account_id, holder), close_account(account_id), bind_self(account_id)):
        with pytest.raises(AccountNotFound):
            await call
    assert await account(database) != account_id
