"""What developers do with their organisation's applications: make them, send them to the hospital, look after keys.

An application is seen and touched by the people of its organisation; to everybody else it is absent. In a sandbox a
new one is usable at once, under small limits. In production it is a draft that the hospital reviews; when that has
approved it, the developer puts it live, and only then there is a client that opens anything.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

from kernel import clock
from kernel.db import Reader, Row, Transaction, database
from kernel.events import Actor
from oauth import registration
from oauth.client_rules import MetadataRefused, Registration, RegistrationRefused, require_registrable
from oauth.clients import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    REFRESH_TOKEN,
    ApplicationType,
    AuthMethod,
)
from oauth.registration import SecretInForce
from partners import errors
from partners.applications import change_draft, open_draft, take_step
from partners.developers import Developer, developer_actor, read_contact, require_text
from partners.gates import put_policy
from partners.policies import DAY_SECONDS
from partners.sandbox.faults import are_faults_allowed

APPLICATIONS_MAX: Final = 30
"""Of one organisation, retired ones aside."""
APPLICATIONS_A_DAY_MAX: Final = 60
"""Made by one organisation within 24 hours, whatever became of them: each leaves a client and its record."""
SECRETS_MAX: Final = 2
NAME_CHARACTERS_MAX: Final = 100
PURPOSE_CHARACTERS_MAX: Final = 2000
# What a partner may ask for; the rest is for the hospital's own applications.
API_SCOPES: Final = (
    "catalogue.read",
    "slots.read",
    "patients.read",
    "patients.write",
    "appointments.read",
    "appointments.write",
    "waitlist.read",
    "waitlist.write",
    "checkin.write",
    "queue.read",
    "payments.read",
    "payments.write",
    "refunds.write",
    "webhooks.manage",
)
SANDBOX_SCOPES: Final = ("sandbox.manage",)
FHIR_KINDS: Final = ("Patient", "Practitioner", "Schedule", "Slot", "Appointment")
# A sandbox is shared: so much of it is one application's.
SANDBOX_REQUESTS: Final = ((10, 300), (DAY_SECONDS, 50_000))
"""Seconds of a window, and requests within it."""

_OWN_STEPS: Final = frozenset({"submitted", "draft", "retired"})

Values = dict[str, Any]
_READ: Final = (
    "SELECT a.id, a.name, a.organisation, a.purpose, a.scopes, a.status, a.reason, a.client_id, a.registration,"
    " a.created_at, a.updated_at, a.version FROM partner_application a JOIN developer_member m"
    " ON m.organisation_id = a.organisation_id AND m.account_id = $1 AND m.ended_at IS NULL"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An application as its developer wants it. jwks: its public keys, where it proves itself by them."""

    name: str
    purpose: str
    application_type: ApplicationType
    auth_method: AuthMethod
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    jwks: Values | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """An application that has a client now. secret: shown this once; None where it proves itself otherwise."""

    application_id: UUID
    client_id: str
    secret: str | None


def scopes_of(application_type: ApplicationType) -> tuple[str, ...]:
    """Give what an application may ask for: a service for itself, what people use for the patient before it."""
    context = "system" if application_type == "service" else "patient"
    return (*api_scopes(), *(f"{context}/{kind}.rs" for kind in FHIR_KINDS))


def api_scopes() -> tuple[str, ...]:
    """Give what may be asked for of the open API here; faults are a sandbox's alone."""
    return (*API_SCOPES, *SANDBOX_SCOPES) if are_faults_allowed() else API_SCOPES


async def list_own(developer: Developer) -> list[Values]:
    """Give the applications of a developer's organisation, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_READ} ORDER BY a.status = 'retired', a.id DESC LIMIT $2", developer.account_id, APPLICATIONS_MAX * 2
    )
    return [dict(row) for row in rows]


async def get_own(developer: Developer, application_id: UUID) -> Values:
    """Read an application of a developer's organisation.

    Raises:
        ApplicationNotFound: or another organisation's.
        DatabaseUnavailable.
    """
    return dict(await _own(database(), developer, application_id))


async def create(
    developer: Developer, wanted: Wanted, *, application_id: UUID, sandbox_channel: str | None, request_id: str | None
) -> Made | None:
    """Make an application: in a sandbox with a client that may be used at once, elsewhere a draft (None).

    application_id: of the form that asks for it, so that one that is sent twice makes one application.
    sandbox_channel: by which channel a sandbox's applications book; None in production.

    Raises:
        DeveloperInvalid, DeveloperLimit, ApplicationExists, DatabaseUnavailable.
    """
    contact = await read_contact(developer.organisation_id)
    _require_valid(wanted, contact["email"])
    actor = developer_actor(developer.account_id, request_id)
    async with database().transaction() as tx:
        await tx.execute("SELECT FROM developer_organisation WHERE id = $1 FOR UPDATE", developer.organisation_id)
        await _require_member(tx, developer)
        if await tx.fetchval("SELECT true FROM partner_application WHERE id = $1", application_id):
            raise errors.ApplicationExists
        await _require_room(tx, developer.organisation_id)
        values = _values(wanted) | {"contacts": [contact], "organisation": developer.organisation}
        values["organisation_id"] = developer.organisation_id
        await open_draft(tx, values, actor=actor, application_id=application_id)
        if sandbox_channel is None:
            return None
        # The sandbox is its own reviewer: the same steps, taken at once and kept as such.
        reviewer = Actor(client_id="system:sandbox-review", channel="system", kind="system", request_id=request_id)
        await take_step(tx, application_id, "submitted", actor=actor)
        await take_step(tx, application_id, "approved", actor=reviewer)
        made = await _go_live(tx, application_id, wanted, contact["email"], channel=sandbox_channel, actor=actor)
        for window_seconds, requests in SANDBOX_REQUESTS:
            await put_policy(
                tx, client_id=made.client_id, client_kind=None, covers="all", window_seconds=window_seconds,
                requests=requests, actor=reviewer,
            )  # fmt: skip
        return made


async def change(
    developer: Developer, application_id: UUID, wanted: Wanted, *, version: int, request_id: str | None
) -> None:
    """Change a draft that is still as it was read.

    Raises:
        DeveloperInvalid, ApplicationNotFound, ApplicationNotDraft, VersionConflict, DatabaseUnavailable.
    """
    contact = await read_contact(developer.organisation_id)
    _require_valid(wanted, contact["email"])
    async with database().transaction() as tx:
        await _own(tx, developer, application_id, locked=True)
        actor = developer_actor(developer.account_id, request_id)
        await change_draft(tx, application_id, _values(wanted) | {"contacts": [contact]}, version=version, actor=actor)


async def move(
    developer: Developer,
    application_id: UUID,
    status: Literal["submitted", "draft", "retired"],
    *,
    request_id: str | None,
) -> None:
    """Send an application to the hospital, take a refused one up again, or end one for good.

    Raises:
        ApplicationNotFound, ApplicationStatus, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        row = await _own(tx, developer, application_id, locked=True)
        if status not in _OWN_STEPS:
            # The others are the hospital's, or come with a client.
            raise errors.ApplicationStatus(current_status=row["status"])
        actor = developer_actor(developer.account_id, request_id)
        await take_step(tx, application_id, status, actor=actor)


async def go_live(developer: Developer, application_id: UUID, *, channel: str, request_id: str | None) -> Made:
    """Put an application that the hospital has approved live: its client is made now, its secret shown this once.

    channel: by which it books; what that may take, the slot office has decided.

    Raises:
        DeveloperInvalid, ApplicationNotFound, ApplicationStatus, DatabaseUnavailable.
    """
    contact = await read_contact(developer.organisation_id)
    async with database().transaction() as tx:
        row = await _own(tx, developer, application_id, locked=True)
        if row["status"] != "approved":
            # A suspended one comes back by the hospital alone.
            raise errors.ApplicationStatus(current_status=row["status"])
        actor = developer_actor(developer.account_id, request_id)
        return await _go_live(tx, application_id, wanted_of(row), contact["email"], channel=channel, actor=actor)


async def list_own_secrets(client_id: str) -> list[SecretInForce]:
    """Give the secrets of an application that are in force, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    return await registration.list_secrets(database(), client_id)


async def rotate_secret(
    developer: Developer, application_id: UUID, *, overlap: timedelta, newest: UUID, request_id: str | None
) -> str:
    """Give an application a new secret; the one before it is good for an overlap, or no more.

    newest: the newest secret as the developer saw it, so that a form that is sent twice changes it once.

    Raises:
        ApplicationNotFound, VersionConflict, SecretsOverlap, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        client_id = await _own_client(tx, developer, application_id)
        present = await registration.list_secrets(tx, client_id)
        if not present or present[0].id != newest:
            raise errors.VersionConflict
        if overlap and len(present) >= SECRETS_MAX:
            raise errors.SecretsOverlap
        actor = developer_actor(developer.account_id, request_id)
        return await registration.renew_secret(tx, client_id=client_id, actor=actor, overlap=overlap)


async def revoke_secret(developer: Developer, application_id: UUID, secret_id: UUID, *, request_id: str | None) -> None:
    """Take one of an application's secrets away; every process refuses it within a second.

    Raises:
        ApplicationNotFound, SecretNotFound, LastSecret, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        client_id = await _own_client(tx, developer, application_id)
        present = [one.id for one in await registration.list_secrets(tx, client_id)]
        if secret_id not in present:
            raise errors.SecretNotFound
        if present == [secret_id]:
            raise errors.LastSecret
        actor = developer_actor(developer.account_id, request_id)
        await registration.revoke_secret(tx, client_id=client_id, secret_id=secret_id, actor=actor)


async def replace_keys(developer: Developer, application_id: UUID, jwks: Values, *, request_id: str | None) -> None:
    """Give an application other public keys.

    Raises:
        ApplicationNotFound, DeveloperInvalid, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        client_id = await _own_client(tx, developer, application_id)
        actor = developer_actor(developer.account_id, request_id)
        try:
            await registration.replace_key_set(tx, client_id=client_id, jwks=jwks, actor=actor)
        except RegistrationRefused as error:
            raise errors.DeveloperInvalid(field="jwks", reason=str(error)) from error


def wanted_of(application: Row | Values) -> Wanted:
    """Read back what an application's developer wanted it to be."""
    said = application["registration"]
    return Wanted(
        name=application["name"],
        purpose=application["purpose"],
        application_type=said["application_type"],
        auth_method=said["auth_method"],
        redirect_uris=tuple(said["redirect_uris"]),
        scopes=frozenset(application["scopes"]),
        jwks=said["jwks"],
    )


def _values(wanted: Wanted) -> Values:
    said = {
        "application_type": wanted.application_type,
        "auth_method": wanted.auth_method,
        "redirect_uris": list(wanted.redirect_uris),
        "jwks": wanted.jwks,
    }
    return {
        "name": wanted.name.strip(),
        "purpose": wanted.purpose.strip(),
        "scopes": sorted(wanted.scopes),
        "registration": said,
    }


def _require_valid(wanted: Wanted, email: str) -> None:
    """Hold what is wanted against the rules of all clients, before the hospital has to.

    Raises:
        DeveloperInvalid.
    """
    require_text("name", wanted.name, NAME_CHARACTERS_MAX)
    # It may have several lines, and is kept as it was written.
    require_text("purpose", " ".join(wanted.purpose.split()), PURPOSE_CHARACTERS_MAX)
    if len(wanted.purpose.strip()) > PURPOSE_CHARACTERS_MAX:
        raise errors.DeveloperInvalid(field="purpose")
    if not wanted.scopes or not wanted.scopes <= set(scopes_of(wanted.application_type)):
        raise errors.DeveloperInvalid(field="scopes")
    try:
        require_registrable(_registration(wanted, email, channel=""))
    except MetadataRefused as error:
        # Nobody has typed grant types: they follow from the type, which then cannot prove itself like that.
        field = "token_endpoint_auth_method" if error.field == "grant_types" else error.field
        raise errors.DeveloperInvalid(field=field, reason=str(error)) from error


def _registration(wanted: Wanted, email: str, *, channel: str) -> Registration:
    is_service = wanted.application_type == "service"
    grants = {CLIENT_CREDENTIALS} if is_service else {AUTHORIZATION_CODE, REFRESH_TOKEN}
    return Registration(
        name=wanted.name.strip(),
        kind="partner",
        channel=channel,
        scopes=wanted.scopes,
        application_type=wanted.application_type,
        auth_method=wanted.auth_method,
        grant_types=frozenset(grants),
        redirect_uris=wanted.redirect_uris,
        jwks=wanted.jwks if wanted.auth_method == "private_key_jwt" else None,
        contacts=(email,),
    )


async def _go_live(
    tx: Transaction, application_id: UUID, wanted: Wanted, email: str, *, channel: str, actor: Actor
) -> Made:
    # The slot office gives a channel its names and rules; one without rules takes nothing.
    await tx.execute(
        "INSERT INTO channel (code, name_zh, name_en) VALUES ($1, $1, $1) ON CONFLICT (code) DO NOTHING", channel
    )
    client_id = f"app-{secrets.token_hex(8)}"
    try:
        secret = await registration.register_client(
            tx, _registration(wanted, email, channel=channel), client_id=client_id, actor=actor
        )
    except MetadataRefused as error:
        raise errors.DeveloperInvalid(field=error.field, reason=str(error)) from error
    await take_step(tx, application_id, "live", client_id=client_id, actor=actor)
    return Made(application_id, client_id, secret)


async def _own(db: Reader, developer: Developer, application_id: UUID, *, locked: bool = False) -> Row:
    rows = await db.fetch(
        f"{_READ} WHERE a.id = $2" + (" FOR UPDATE OF a" if locked else ""), developer.account_id, application_id
    )
    if not rows:
        raise errors.ApplicationNotFound
    return rows[0]


async def _own_client(tx: Transaction, developer: Developer, application_id: UUID) -> str:
    """Lock an application that has a client, and give that; what was retired has no keys any more.

    Raises:
        ApplicationNotFound.
    """
    row = await _own(tx, developer, application_id, locked=True)
    if row["client_id"] is None or row["status"] == "retired":
        raise errors.ApplicationNotFound
    found: str = row["client_id"]
    return found


async def _require_room(tx: Transaction, organisation_id: UUID) -> None:
    row = await tx.fetchrow(
        "SELECT count(*) FILTER (WHERE status <> 'retired') AS present, count(*) FILTER (WHERE created_at > $2) AS made"
        " FROM partner_application WHERE organisation_id = $1",
        organisation_id,
        clock.now() - timedelta(days=1),
    )
    assert row is not None, "an aggregate without GROUP BY gives one row"
    if row["present"] >= APPLICATIONS_MAX:
        raise errors.DeveloperLimit(limit=APPLICATIONS_MAX)
    if row["made"] >= APPLICATIONS_A_DAY_MAX:
        raise errors.DeveloperLimit(limit=APPLICATIONS_A_DAY_MAX)


async def _require_member(tx: Transaction, developer: Developer) -> None:
    if not await tx.fetchval(
        "SELECT true FROM developer_member WHERE account_id = $1 AND organisation_id = $2 AND ended_at IS NULL",
        developer.account_id,
        developer.organisation_id,
    ):
        raise errors.DeveloperRequired
