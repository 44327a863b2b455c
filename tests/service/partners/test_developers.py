"""Developers and their organisations: who may do what, and that nobody touches what is another's."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from kernel import clock
from kernel.crypto import cipher, load_cipher
from kernel.db import Database
from kernel.events import Actor
from kernel.ids import new_id
from oauth.clients import read_client
from oauth.sign_in.errors import InvalidPhone
from open_api.fhir.scopes import FHIR_SCOPES
from open_api.oauth.scopes import SCOPES
from partners import applications, developers, errors
from partners import developer_applications as own
from partners.developer_applications import Wanted
from partners.developers import Developer
from partners.states import APPLICATION, INVITATION
from tests.factories.keys import write_keys

STAFF: Final = Actor(client_id="test-office", channel="window", kind="internal", staff_code="S0001")
PHONE: Final = "13800138000"
SERVICE: Final = Wanted(
    name="晨星预约助手",
    purpose="为社区居民预约挂号",
    application_type="service",
    auth_method="client_secret_basic",
    redirect_uris=(),
    scopes=frozenset({"catalogue.read", "webhooks.manage"}),
)
State = Callable[[], Awaitable[dict[str, str]]]


@pytest.fixture(autouse=True)
def _keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    load_cipher(write_keys(tmp_path_factory.mktemp("keys")))


@pytest.fixture
async def state(database: Database) -> State:
    """Gives a print of every table that a developer can change."""

    async def read() -> dict[str, str]:
        tables = (
            "developer_organisation", "developer_member", "developer_invitation", "partner_application",
            "oauth_client", "oauth_client_secret", "rate_policy", "change_log",
        )  # fmt: skip
        return {
            table: await database.fetchval(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t")
            for table in tables
        }

    return read


async def sign_up(organisation: str = "晨星科技有限公司") -> Developer:
    account_id = new_id()
    await developers.sign_up(
        account_id=account_id,
        organisation=organisation,
        contact_name="李工",
        email="li@partner.example",
        accepts_terms=True,
        request_id="r1",
    )
    found = await developers.find_developer(account_id)
    assert found is not None
    return found


async def make(developer: Developer, wanted: Wanted = SERVICE, *, channel: str | None = "city_portal") -> own.Made:
    made = await own.create(developer, wanted, application_id=new_id(), sandbox_channel=channel, request_id="r2")
    assert made is not None
    return made


async def draft(developer: Developer, wanted: Wanted = SERVICE) -> UUID:
    application_id = new_id()
    assert (
        await own.create(developer, wanted, application_id=application_id, sandbox_channel=None, request_id="r") is None
    )
    return application_id


async def decide(application_id: UUID, status: Any, reason: str | None = None) -> None:
    await applications.move_application(application_id, status, reason=reason, client_id=None, actor=STAFF)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("organisation", {"organisation": " "}),
        ("organisation", {"organisation": "字" * 201}),
        ("organisation", {"organisation": "a\x00b"}),
        ("contact_name", {"contact_name": ""}),
        ("contact_name", {"contact_name": "a\nb"}),
        ("contact_name", {"contact_name": "\u202egnaw"}),
        ("email", {"email": "nobody"}),
        ("email", {"email": "a@b c"}),
        ("terms", {"accepts_terms": False}),
    ],
)
async def test_signing_up_names_what_is_wrong(
    database: Database, state: State, field: str, given: dict[str, Any]
) -> None:
    before = await state()
    right = {"organisation": "o", "contact_name": "n", "email": "a@b.example", "accepts_terms": True}
    with pytest.raises(errors.DeveloperInvalid) as refused:
        await developers.sign_up(account_id=new_id(), request_id=None, **{**right, **given})
    assert refused.value.details["field"] == field
    assert await state() == before


async def test_a_person_belongs_to_one_organisation(database: Database, state: State) -> None:
    developer = await sign_up()
    before = await state()
    with pytest.raises(errors.AlreadyDeveloper):
        await developers.sign_up(
            account_id=developer.account_id, organisation="o", contact_name="n", email="a@b.example",
            accepts_terms=True, request_id=None,
        )  # fmt: skip
    assert await state() == before
    assert developer.is_owner
    row = await database.fetchrow("SELECT * FROM developer_organisation")
    assert row is not None
    assert (row["terms_version"], row["terms_by"]) == (developers.TERMS_VERSION, developer.account_id)
    assert b"li@partner.example" not in row["contact"]


async def test_who_is_invited_joins_by_their_number(database: Database, state: State) -> None:
    owner = await sign_up()
    invitation_id = await developers.invite(owner, phone="138 0013 8000", name="王工", request_id="r")
    # Inviting once more is the same invitation.
    assert await developers.invite(owner, phone=PHONE, name="王工", request_id="r") == invitation_id
    phone_hash, account_id = cipher().lookup_hash(PHONE), new_id()
    assert [one.organisation for one in await developers.invitations_for(phone_hash)] == ["晨星科技有限公司"]
    before = await state()
    for wrong in (cipher().lookup_hash("13800138001"), b""):
        with pytest.raises(errors.InvitationNotFound):
            await developers.take_invitation(invitation_id, account_id=account_id, phone_hash=wrong, request_id="r")
    assert await state() == before
    await developers.take_invitation(invitation_id, account_id=account_id, phone_hash=phone_hash, request_id="r")
    member = await developers.find_developer(account_id)
    assert member is not None
    assert (member.organisation_id, member.role, member.name) == (owner.organisation_id, "member", "王工")
    with pytest.raises(errors.InvitationNotFound):
        await developers.take_invitation(invitation_id, account_id=new_id(), phone_hash=phone_hash, request_id="r")
    # A member sees the applications, and invites nobody.
    made = await make(owner)
    assert [one["id"] for one in await own.list_own(member)] == [made.application_id]
    before = await state()
    with pytest.raises(errors.OwnerRequired):
        await developers.invite(member, phone="13900139000", name="x", request_id="r")
    [first, _] = await developers.list_colleagues(owner)
    with pytest.raises(errors.OwnerRequired):
        await developers.remove_member(member, first.id, request_id="r")
    assert await state() == before


async def test_an_invitation_ends(database: Database, state: State) -> None:
    owner, phone_hash = await sign_up(), cipher().lookup_hash(PHONE)
    declined = await developers.invite(owner, phone=PHONE, name="王工", request_id="r")
    await developers.decline_invitation(declined, phone_hash=phone_hash)
    withdrawn = await developers.invite(owner, phone=PHONE, name="王工", request_id="r")
    await developers.withdraw_invitation(owner, withdrawn)
    expired = await developers.invite(owner, phone=PHONE, name="王工", request_id="r")
    with clock.frozen(clock.now() + developers.INVITATION_LIFETIME + timedelta(seconds=1)):
        assert await developers.list_invitations(owner) == []
        before = await state()
        for one in (declined, withdrawn, expired):
            with pytest.raises(errors.InvitationNotFound):
                await developers.take_invitation(one, account_id=new_id(), phone_hash=phone_hash, request_id="r")
        assert await state() == before
        assert await developers.invite(owner, phone=PHONE, name="王工", request_id="r") != expired
    with pytest.raises(InvalidPhone):
        await developers.invite(owner, phone="110", name="王工", request_id="r")


def test_an_invitation_is_over_once() -> None:
    for before in INVITATION.steps:
        for after in INVITATION.steps:
            assert INVITATION.allows(before, after) == (before == "open" and after != "open")


async def test_who_was_let_go_sees_nothing_any_more(database: Database) -> None:
    owner = await sign_up()
    invitation_id = await developers.invite(owner, phone=PHONE, name="王工", request_id="r")
    account_id = new_id()
    await developers.take_invitation(
        invitation_id, account_id=account_id, phone_hash=cipher().lookup_hash(PHONE), request_id="r"
    )
    member = await developers.find_developer(account_id)
    assert member is not None
    made = await make(owner)
    [first, second] = await developers.list_colleagues(owner)
    with pytest.raises(errors.LastOwner):
        await developers.remove_member(owner, first.id, request_id="r")
    await developers.remove_member(owner, second.id, request_id="r")
    assert await developers.find_developer(account_id) is None
    # Not even by a page that was open before.
    with pytest.raises(errors.ApplicationNotFound):
        await own.get_own(member, made.application_id)
    with pytest.raises(errors.DeveloperRequired):
        await make(member)
    with pytest.raises(errors.MemberNotFound):
        await developers.remove_member(owner, second.id, request_id="r")


async def test_a_sandbox_takes_every_step_of_the_review_at_once(database: Database) -> None:
    developer = await sign_up()
    made = await make(developer)
    assert made.secret is not None
    client = await read_client(made.client_id)
    assert client is not None
    assert client.secret_fits(made.secret)
    assert (client.kind, client.channel, client.scopes, client.grant_types) == (
        "partner", "city_portal", SERVICE.scopes, frozenset({"client_credentials"}),
    )  # fmt: skip
    steps = await database.fetch(
        "SELECT client_id, after->>'status' AS status FROM change_log WHERE entity = 'partner_application' ORDER BY id"
    )
    me, sandbox = f"developer:{developer.account_id}", "system:sandbox-review"
    assert [tuple(one) for one in steps] == [
        (me, "draft"), (me, "submitted"), (sandbox, "approved"), (me, "live"),
    ]  # fmt: skip
    # Neither the secret nor the contact is in what was kept.
    kept = await database.fetchval("SELECT string_agg(coalesce(after::text, ''), '') FROM change_log")
    assert made.secret not in kept
    assert "li@partner.example" not in await database.fetchval(
        "SELECT string_agg(after::text, '') FROM change_log WHERE entity <> 'oauth_client'"
    )


async def test_production_waits_for_the_hospital(database: Database, state: State) -> None:
    developer = await sign_up()
    application_id = await draft(developer)
    assert await database.fetchval("SELECT count(*) FROM oauth_client") == 0
    for step in (None, "submitted"):
        if step is not None:
            await own.move(developer, application_id, "submitted", request_id="r")
        before = await state()
        with pytest.raises(errors.ApplicationStatus):
            await own.go_live(developer, application_id, channel="partner", request_id="r")
        assert await state() == before
    await decide(application_id, "approved")
    assert (await own.get_own(developer, application_id))["client_id"] is None
    made = await own.go_live(developer, application_id, channel="partner", request_id="r")
    assert (await own.get_own(developer, application_id))["client_id"] == made.client_id
    client = await read_client(made.client_id)
    assert client is not None
    assert (client.channel, client.kind) == ("partner", "partner")
    # A channel of nobody's rules takes nothing.
    assert await database.fetchval("SELECT count(*) FROM release_rule WHERE channel = 'partner'") == 0
    before = await state()
    with pytest.raises(errors.ApplicationStatus):
        await own.go_live(developer, application_id, channel="partner", request_id="r")
    assert await state() == before


async def test_what_was_refused_is_changed_and_sent_again(database: Database, state: State) -> None:
    developer = await sign_up()
    application_id = await draft(developer)
    await own.move(developer, application_id, "submitted", request_id="r")
    before = await state()
    with pytest.raises(errors.ApplicationNotDraft):
        await own.change(developer, application_id, SERVICE, version=2, request_id="r")
    assert await state() == before
    await decide(application_id, "refused", "请说明用途")
    assert (await own.get_own(developer, application_id))["reason"] == "请说明用途"
    await own.move(developer, application_id, "draft", request_id="r")
    again = await own.get_own(developer, application_id)
    wider = Wanted(
        name="晨星", purpose="社区居民的预约挂号", application_type="web", auth_method="client_secret_post",
        redirect_uris=("https://a.example/back",), scopes=frozenset({"patient/Appointment.rs"}),
    )  # fmt: skip
    await own.change(developer, application_id, wider, version=again["version"], request_id="r")
    with pytest.raises(errors.VersionConflict):
        await own.change(developer, application_id, SERVICE, version=again["version"], request_id="r")
    assert own.wanted_of(await own.get_own(developer, application_id)) == wider


@pytest.mark.parametrize("status", ["approved", "refused", "live", "suspended"])
async def test_a_developer_decides_nothing_that_is_the_hospitals(database: Database, state: State, status: Any) -> None:
    developer = await sign_up()
    application_id = await draft(developer)
    before = await state()
    with pytest.raises(errors.ApplicationStatus):
        await own.move(developer, application_id, status, request_id="r")
    assert await state() == before


async def test_a_form_that_is_sent_twice_makes_one_application(database: Database, state: State) -> None:
    developer, application_id = await sign_up(), new_id()
    await own.create(developer, SERVICE, application_id=application_id, sandbox_channel="city_portal", request_id="r")
    before = await state()
    with pytest.raises(errors.ApplicationExists):
        await own.create(
            developer, SERVICE, application_id=application_id, sandbox_channel="city_portal", request_id="r"
        )
    assert await state() == before


async def test_making_and_retiring_has_an_end_each_day(
    database: Database, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "APPLICATIONS_A_DAY_MAX", 2)
    developer = await sign_up()
    for _ in range(2):
        made = await make(developer)
        await own.move(developer, made.application_id, "retired", request_id="r")
    before = await state()
    with pytest.raises(errors.DeveloperLimit):
        await make(developer)
    assert await state() == before
    # Another organisation is not held to it, and tomorrow is another day.
    await make(await sign_up("别家科技有限公司"))
    with clock.frozen(clock.now() + timedelta(days=1, seconds=1)):
        await make(developer)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "\u202e院医"}),
        ("name", {"name": "医\u200b院"}),
        ("purpose", {"purpose": ""}),
        ("purpose", {"purpose": "a" + "\n" * 3000 + "b"}),
        ("scopes", {"scopes": frozenset()}),
        ("scopes", {"scopes": frozenset({"administration.write"})}),
        ("scopes", {"scopes": frozenset({"patient/Patient.rs"})}),
        ("token_endpoint_auth_method", {"auth_method": "none"}),
        ("jwks", {"auth_method": "private_key_jwt"}),
        ("jwks", {"auth_method": "private_key_jwt", "jwks": {"keys": []}}),
        ("redirect_uris", {"redirect_uris": ("https://a.example/",)}),
        ("redirect_uris", {"application_type": "web"}),
        ("redirect_uris", {"application_type": "web", "redirect_uris": ("http://a.example/",)}),
    ],
)
async def test_what_cannot_be_is_named(database: Database, state: State, field: str, changes: dict[str, Any]) -> None:
    developer = await sign_up()
    before = await state()
    with pytest.raises(errors.DeveloperInvalid) as refused:
        await make(developer, replace(SERVICE, **changes))
    assert refused.value.details["field"] == field
    assert await state() == before


async def test_two_secrets_overlap_and_no_more(database: Database, state: State) -> None:
    developer = await sign_up()
    made = await make(developer)
    [first] = await own.list_own_secrets(made.client_id)
    before = await state()
    with pytest.raises(errors.LastSecret):
        await own.revoke_secret(developer, made.application_id, first.id, request_id="r")
    assert await state() == before
    second_secret = await rotate(developer, made, newest=first.id)
    before = await state()
    # The form of before, sent again, changes nothing.
    with pytest.raises(errors.VersionConflict):
        await rotate(developer, made, newest=first.id)
    [second, old] = await own.list_own_secrets(made.client_id)
    with pytest.raises(errors.SecretsOverlap):
        await rotate(developer, made, newest=second.id)
    with pytest.raises(errors.SecretNotFound):
        await own.revoke_secret(developer, made.application_id, new_id(), request_id="r")
    assert await state() == before
    assert (second.expires_at, old.id, old.expires_at is not None) == (None, first.id, True)
    client = await read_client(made.client_id)
    assert client is not None
    assert made.secret is not None
    assert (client.secret_fits(made.secret), client.secret_fits(second_secret)) == (True, True)
    await own.revoke_secret(developer, made.application_id, first.id, request_id="r")
    client = await read_client(made.client_id)
    assert client is not None
    assert (client.secret_fits(made.secret), client.secret_fits(second_secret)) == (False, True)


async def test_a_secret_that_may_be_known_ends_at_once(database: Database) -> None:
    developer = await sign_up()
    made = await make(developer)
    [first] = await own.list_own_secrets(made.client_id)
    await rotate(developer, made, newest=first.id, overlap=timedelta(0))
    client = await read_client(made.client_id)
    assert client is not None
    assert made.secret is not None
    assert not client.secret_fits(made.secret)


async def rotate(
    developer: Developer, made: own.Made, *, newest: UUID, overlap: timedelta = timedelta(hours=24)
) -> str:
    return await own.rotate_secret(developer, made.application_id, overlap=overlap, newest=newest, request_id="r")


async def test_anothers_application_is_absent_and_stays_as_it_is(database: Database, state: State) -> None:
    made = await make(await sign_up())
    [secret] = await own.list_own_secrets(made.client_id)
    other, one = await sign_up("别家科技有限公司"), made.application_id
    attempts: list[Callable[[], Awaitable[object]]] = [
        lambda: own.get_own(other, one),
        lambda: own.change(other, one, SERVICE, version=1, request_id="r"),
        lambda: own.move(other, one, "retired", request_id="r"),
        lambda: own.go_live(other, one, channel="partner", request_id="r"),
        lambda: own.rotate_secret(other, one, overlap=timedelta(0), newest=secret.id, request_id="r"),
        lambda: own.revoke_secret(other, one, secret.id, request_id="r"),
        lambda: own.replace_keys(other, one, {"keys": []}, request_id="r"),
    ]
    before = await state()
    for attempt in attempts:
        with pytest.raises(errors.ApplicationNotFound):
            await attempt()
    assert await state() == before
    assert await own.list_own(other) == []


async def test_a_retired_application_has_no_keys(database: Database, state: State) -> None:
    developer = await sign_up()
    made = await make(developer)
    [secret] = await own.list_own_secrets(made.client_id)
    await own.move(developer, made.application_id, "retired", request_id="r")
    before = await state()
    with pytest.raises(errors.ApplicationNotFound):
        await rotate(developer, made, newest=secret.id)
    assert await state() == before


def test_a_partner_may_ask_for_what_there_is() -> None:
    assert set(own.API_SCOPES) <= set(SCOPES)
    for kind in ("service", "web", "native", "browser"):
        assert set(own.scopes_of(kind)) - set(SCOPES) <= set(FHIR_SCOPES)
    assert not [one for one in own.API_SCOPES if one.startswith(("administration", "staff", "tokens", "queue.write"))]


def test_an_application_goes_live_by_approval_alone() -> None:
    assert APPLICATION.before("live") == ["approved", "suspended"]
