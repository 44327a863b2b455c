"""Staff as administrators keep them: whom a role lets do what, through whom, and what the terminal can do."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from kernel import clock
from kernel.db import Database
from kernel.events import Actor
from oauth import clients
from oauth.errors import StaffUnknown
from oauth.sign_in.errors import StepUpNeeded
from oauth.sign_in.sessions import Acr, Session, require_step_up
from oauth.sign_in.setup import SignIn, configure_sign_in
from oauth.sign_in.subjects import Subject
from oauth.staff import delegations, people
from oauth.staff.errors import DelegationRefused, OwnRights
from oauth.staff.people import RoleAt
from patients.accounts import Accounts
from runtime import access
from tests.factories.staff import ADMINISTRATOR, employ

DESK, NURSE = RoleAt("service_desk"), RoleAt("nurse")


@pytest.fixture(autouse=True)
def _sign_in() -> None:
    configure_sign_in(SignIn("https://open.hospital.example", Accounts(), None, sandbox=True))


async def staff_id(database: Database, code: str) -> UUID:
    found: UUID = await database.fetchval("SELECT id FROM staff WHERE code = $1", code)
    return found


async def let_act(database: Database, of: str, by: str, **hours: int) -> delegations.Delegation:
    now = clock.now()
    async with database.transaction() as tx:
        return await delegations.delegate(
            tx,
            from_code=of,
            to_code=by,
            role=DESK,
            starts_at=now + timedelta(hours=hours.get("begins", -1)),
            ends_at=now + timedelta(hours=hours.get("ends", 8)),
            actor=ADMINISTRATOR,
        )


async def test_roles_give_their_scopes_where_they_are_held(database: Database) -> None:
    code = await employ(database, DESK, NURSE)
    found = await delegations.authority_of(await staff_id(database, code))
    assert {one.role for one in found} == {DESK, NURSE}
    assert {"queue.write", "patients.write"} <= frozenset().union(*(one.scopes for one in found))
    assert {one.on_behalf_of for one in found} == {None}
    async with database.transaction() as tx:
        await people.leave(tx, code=code, actor=ADMINISTRATOR)
    assert list(await delegations.authority_of(await staff_id(database, code))) == []


async def test_a_delegate_may_what_the_role_may_and_while_it_lasts(database: Database) -> None:
    away, deputy = await employ(database, DESK), await employ(database)
    await let_act(database, away, deputy)
    assert await delegations.require_delegate(staff_code=deputy, on_behalf_of=away, scope="patients.write") == away
    for scope, staff, behalf in (
        ("queue.write", deputy, away),
        ("patients.write", away, deputy),
        ("patients.write", deputy, deputy),
        ("patients.write", deputy, "nobody"),
    ):
        with pytest.raises(StaffUnknown):
            await delegations.require_delegate(staff_code=staff, on_behalf_of=behalf, scope=scope)
    with clock.frozen(clock.now() + timedelta(hours=9)), pytest.raises(StaffUnknown):
        await delegations.require_delegate(staff_code=deputy, on_behalf_of=away, scope="patients.write")


async def test_what_is_delegated_is_not_passed_on_and_ends_with_the_role(database: Database) -> None:
    away, deputy, third = await employ(database, DESK), await employ(database), await employ(database)
    await let_act(database, away, deputy)
    with pytest.raises(DelegationRefused):
        await let_act(database, deputy, third)
    async with database.transaction() as tx:
        await people.move(tx, code=away, roles=[NURSE], actor=ADMINISTRATOR)
    with pytest.raises(StaffUnknown):
        await delegations.require_delegate(staff_code=deputy, on_behalf_of=away, scope="patients.write")


async def test_two_delegations_at_once_do_not_overlap(database: Database) -> None:
    away, deputy = await employ(database, DESK), await employ(database)
    outcomes = await asyncio.gather(*(let_act(database, away, deputy) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, delegations.Delegation) for one in outcomes) == 1
    assert sum(isinstance(one, DelegationRefused) for one in outcomes) == 3


async def test_nobody_changes_their_own_rights_even_through_a_deputy(database: Database) -> None:
    code, deputy = await employ(database, DESK), await employ(database)
    for actor in (
        Actor("desk", "window", "internal", staff_code=code),
        Actor("desk", "window", "internal", staff_code=deputy, on_behalf_of=code),
    ):
        for change in (people.leave, people.review):
            with pytest.raises(OwnRights):
                async with database.transaction() as tx:
                    await change(tx, code=code, actor=actor)
        with pytest.raises(OwnRights):
            async with database.transaction() as tx:
                await people.move(tx, code=code, roles=[RoleAt("administrator")], actor=actor)
    assert (await people.read_staff(database, code)).roles == [DESK]


async def test_who_left_is_shut_out_of_every_process_within_a_second(database: Database) -> None:
    code = await employ(database)
    assert await clients.require_staff(code) == code
    async with database.transaction() as tx:
        await people.leave(tx, code=code, actor=ADMINISTRATOR)
    await asyncio.sleep(clients.REMEMBER_SECONDS)
    with pytest.raises(StaffUnknown):
        await clients.require_staff(code)


async def test_the_terminal_makes_the_first_administrator(database: Database) -> None:
    async with database.transaction() as tx:
        given = access._parser().parse_args(["staff", "S0001", "--name", "王芳", "--role", "administrator", "--invite"])
        told = await access.change(tx, given)
    assert "https://open.hospital.example/staff/set-up/" in told
    assert (await people.read_staff(database, "S0001")).roles == [RoleAt("administrator")]
    async with database.transaction() as tx:
        again = await access.change(tx, access._parser().parse_args(["invite", "S0001"]))
    assert again != told
    assert await database.fetchval("SELECT count(*) FROM staff_invitation WHERE ended_by = 'replaced'") == 1


@pytest.mark.parametrize(
    ("acr", "age", "wanted", "max_age", "fits"),
    [
        ("aal1", 0, "aal1", 600, True),
        ("aal1", 0, "aal2", 600, False),
        ("aal2", 0, "aal1", 600, True),
        ("aal2", 601, "aal2", 600, False),
        ("aal2", 600, "aal2", 600, True),
    ],
)
def test_a_step_up_asks_for_strength_and_freshness(
    acr: Acr, age: int, wanted: Acr, max_age: int, *, fits: bool
) -> None:
    now = clock.now()
    then = now - timedelta(seconds=age)
    session = Session(UUID(int=1), Subject("account", UUID(int=2)), ("sms",), acr, then, "", then, now, now)
    with clock.frozen(now):
        if fits:
            require_step_up(session, acr=wanted, max_age=timedelta(seconds=max_age))
            return
        with pytest.raises(StepUpNeeded) as refused:
            require_step_up(session, acr=wanted, max_age=timedelta(seconds=max_age))
    assert refused.value.details == {"acr": wanted, "max_age_seconds": max_age}
