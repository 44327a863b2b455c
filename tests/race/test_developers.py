"""People of one organisation who press the same buttons at once: each thing is done once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from kernel.crypto import cipher, load_cipher
from kernel.db import Database
from kernel.ids import new_id
from partners import applications, developers, errors
from partners import developer_applications as own
from partners.developers import Developer
from tests.factories.keys import write_keys
from tests.service.partners.test_developers import STAFF, draft, make, sign_up

pytestmark = pytest.mark.race
CALLERS = 8
PHONE = "13800138000"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
LOOKS_MAX = 400


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path) -> None:
    load_cipher(write_keys(tmp_path / "keys"))


def won(outcomes: Sequence[object], refusal: type[Exception]) -> int:
    """Count those that came through; all others were refused like that."""
    refused = [one for one in outcomes if isinstance(one, BaseException)]
    assert all(isinstance(one, refusal) for one in refused), refused
    return len(outcomes) - len(refused)


async def join(owner: Developer, number: int, *, role: str = "member") -> Developer:
    """Let somebody join an organisation."""
    phone, account_id = f"{int(PHONE) + number}", new_id()
    invitation_id = await developers.invite(owner, phone=phone, name="王工", request_id="r")
    await developers.take_invitation(
        invitation_id, account_id=account_id, phone_hash=cipher().lookup_hash(phone), request_id="r"
    )
    found = await developers.find_developer(account_id)
    assert found is not None
    return found


async def test_an_application_gets_one_new_secret(database: Database) -> None:
    owner = await sign_up()
    made = await make(owner)
    [first] = await own.list_own_secrets(made.client_id)
    outcomes = await asyncio.gather(
        *(
            own.rotate_secret(owner, made.application_id, overlap=timedelta(hours=24), newest=first.id, request_id="r")
            for _ in range(CALLERS)
        ),
        return_exceptions=True,
    )
    assert won(outcomes, errors.VersionConflict) == 1
    assert len(await own.list_own_secrets(made.client_id)) == 2


async def test_of_two_secrets_one_is_left(database: Database) -> None:
    owner = await sign_up()
    made = await make(owner)
    [first] = await own.list_own_secrets(made.client_id)
    await own.rotate_secret(owner, made.application_id, overlap=timedelta(hours=24), newest=first.id, request_id="r")
    both = await own.list_own_secrets(made.client_id)
    outcomes = await asyncio.gather(
        *(own.revoke_secret(owner, made.application_id, one.id, request_id="r") for one in both),
        return_exceptions=True,
    )
    assert won(outcomes, errors.LastSecret) == 1
    assert len(await own.list_own_secrets(made.client_id)) == 1


async def test_an_application_goes_live_once(database: Database) -> None:
    owner = await sign_up()
    application_id = await draft(owner)
    await own.move(owner, application_id, "submitted", request_id="r")
    await applications.move_application(application_id, "approved", reason=None, client_id=None, actor=STAFF)
    outcomes = await asyncio.gather(
        *(own.go_live(owner, application_id, channel="partner", request_id="r") for _ in range(CALLERS)),
        return_exceptions=True,
    )
    assert won(outcomes, errors.ApplicationStatus) == 1
    assert await database.fetchval("SELECT count(*) FROM oauth_client") == 1
    assert await database.fetchval("SELECT count(*) FROM oauth_client_secret") == 1


async def test_two_owners_who_let_each_other_go_leave_one(database: Database) -> None:
    first = await sign_up()
    second = await join(first, 1)
    await database.execute("UPDATE developer_member SET role = 'owner'")
    members = {one.account_id: one.id for one in await developers.list_colleagues(first)}
    outcomes = await asyncio.gather(
        developers.remove_member(first, members[second.account_id], request_id="r"),
        developers.remove_member(second, members[first.account_id], request_id="r"),
        return_exceptions=True,
    )
    assert won(outcomes, errors.OwnerRequired) == 1
    assert await database.fetchval("SELECT count(*) FROM developer_member WHERE ended_at IS NULL") == 1


async def test_an_invitation_is_taken_once(database: Database) -> None:
    owner = await sign_up()
    invitation_id = await developers.invite(owner, phone=PHONE, name="王工", request_id="r")
    phone_hash = cipher().lookup_hash(PHONE)
    outcomes = await asyncio.gather(
        *(
            developers.take_invitation(invitation_id, account_id=new_id(), phone_hash=phone_hash, request_id="r")
            for _ in range(CALLERS)
        ),
        return_exceptions=True,
    )
    assert won(outcomes, errors.InvitationNotFound) == 1
    assert await database.fetchval("SELECT count(*) FROM developer_member") == 2


async def test_the_last_place_is_one_persons(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = await sign_up()
    monkeypatch.setattr(developers, "MEMBERS_MAX", 2)
    phones = [f"{int(PHONE) + number}" for number in range(CALLERS)]
    invitations = [await developers.invite(owner, phone=one, name="王工", request_id="r") for one in phones]
    outcomes = await asyncio.gather(
        *(
            developers.take_invitation(
                invitation_id, account_id=new_id(), phone_hash=cipher().lookup_hash(phone), request_id="r"
            )
            for invitation_id, phone in zip(invitations, phones, strict=True)
        ),
        return_exceptions=True,
    )
    assert won(outcomes, errors.DeveloperLimit) == 1
    assert await database.fetchval("SELECT count(*) FROM developer_member") == 2


async def test_who_takes_an_invitation_back_does_not_wait_for_who_takes_it(database: Database) -> None:
    owner = await sign_up()
    invitation_id = await developers.invite(owner, phone=PHONE, name="王工", request_id="r")
    account_id, phone_hash = new_id(), cipher().lookup_hash(PHONE)
    async with database.pool.acquire() as tx, tx.transaction():
        # As the owner's page does it: the organisation, then its invitation.
        await tx.execute("SELECT FROM developer_organisation FOR UPDATE")
        taking = asyncio.create_task(
            developers.take_invitation(invitation_id, account_id=account_id, phone_hash=phone_hash, request_id="r")
        )
        for _ in range(LOOKS_MAX):
            if await database.fetchval(WAITING):
                break
            await asyncio.sleep(0.01)
        await tx.execute("UPDATE developer_invitation SET status = 'withdrawn' WHERE id = $1", invitation_id)
    with pytest.raises(errors.InvitationNotFound):
        await taking
    assert await developers.find_developer(account_id) is None
