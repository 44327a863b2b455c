"""Guardianship: it ends on the day on which the child comes of age, and on no other."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from kernel import clock
from kernel.db import Database
from patients.accounts import Accounts, bind_member, require_member
from patients.errors import AccountNotFound
from patients.guardianship import end_guardianships
from tests.factories.patients import registration, resident_id

BOUND_AT = datetime(2025, 11, 25, 4, tzinfo=UTC)


async def family(database: Database, child_born: date, *, bound_at: datetime = BOUND_AT) -> tuple[UUID, UUID, UUID]:
    """An account, its holder, and their child."""
    with clock.frozen(bound_at):
        async with database.transaction() as tx:
            account_id = await Accounts().open_account(tx, phone="13800000001")
        parent = registration(name="王建国", number=resident_id(born=date(1975, 6, 1), sequence=11))
        child = registration(name="王小明", number=resident_id(born=child_born, sequence=13))
        holder = await bind_member(account_id, parent, relationship="self")
        bound = await bind_member(account_id, child, relationship="child", consent_note="监护人同意")
    return account_id, holder.id, bound.id


@pytest.mark.parametrize(
    ("born", "last_day"), [(date(2008, 3, 15), date(2026, 3, 14)), (date(2008, 2, 29), date(2026, 2, 28))]
)
async def test_a_guardian_acts_for_a_child_to_the_last_day_before_they_come_of_age(
    database: Database, born: date, last_day: date
) -> None:
    account_id, holder, child = await family(database, born)
    just_before_midnight = datetime(last_day.year, last_day.month, last_day.day, 15, 59, 59, tzinfo=UTC)
    with clock.frozen(just_before_midnight):
        assert await end_guardianships(database) == 0
        await require_member(account_id, child)
    with clock.frozen(just_before_midnight + timedelta(seconds=1)):
        assert await end_guardianships(database) == 1
        assert await end_guardianships(database) == 0
        with pytest.raises(AccountNotFound):
            await require_member(account_id, child)
        await require_member(account_id, holder)


async def test_who_was_of_age_when_they_agreed_stays_bound(database: Database) -> None:
    account_id, _, child = await family(database, date(2007, 11, 25))
    with clock.frozen(BOUND_AT + timedelta(days=400)):
        assert await end_guardianships(database) == 0
        await require_member(account_id, child)
