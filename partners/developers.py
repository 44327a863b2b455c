"""Developers: organisations that make applications for the open API, and the people in them.

A developer is a person's account that has signed up for an organisation or taken an invitation to one. An owner
invites others by their telephone number and lets them go; an organisation always has an owner.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
import orjson

from kernel import clock
from kernel.audit import record_change
from kernel.crypto import cipher
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.ids import new_id
from oauth.sign_in.phone_codes import read_phone
from partners import errors
from partners.states import INVITATION

Role = Literal["owner", "member"]

TERMS_VERSION: Final = "2026-11"
MEMBERS_MAX: Final = 50
INVITATIONS_MAX: Final = 20
"""Open ones of one organisation."""
INVITATION_LIFETIME: Final = timedelta(days=14)
ORGANISATION_CHARACTERS_MAX: Final = 200
NAME_CHARACTERS_MAX: Final = 60
EMAIL: Final = re.compile(r"[^@\s\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,130}", re.ASCII)
# What would break a line or a list of names, and what is not seen or turns what follows round: people decide by names.
UNREADABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd]")


@dataclass(frozen=True, slots=True)
class Developer:
    """A person in an organisation. name: as their colleagues know them."""

    account_id: UUID
    organisation_id: UUID
    organisation: str
    name: str
    role: Role

    @property
    def is_owner(self) -> bool:
        """Tell whether they may invite others and let them go."""
        return self.role == "owner"


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody of an organisation, as its list shows them."""

    id: UUID
    account_id: UUID
    name: str
    role: Role
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that is open. name: of whom the inviter expects."""

    id: UUID
    organisation: str
    name: str
    expires_at: datetime


def developer_actor(account_id: UUID, request_id: str | None) -> Actor:
    """Name a developer as whoever changes something at the portal."""
    return Actor(client_id=f"developer:{account_id}", channel="portal", kind="partner", request_id=request_id)


async def find_developer(account_id: UUID) -> Developer | None:
    """Find the developer that a person is, if they are one.

    Raises:
        DatabaseUnavailable.
    """
    row = await database().fetchrow(
        "SELECT m.account_id, m.organisation_id, o.name AS organisation, m.name, m.role FROM developer_member m"
        " JOIN developer_organisation o ON o.id = m.organisation_id WHERE m.account_id = $1 AND m.ended_at IS NULL",
        account_id,
    )
    if row is None:
        return None
    return Developer(
        row["account_id"], row["organisation_id"], row["organisation"], cipher().open(row["name"]), row["role"]
    )


async def sign_up(
    *, account_id: UUID, organisation: str, contact_name: str, email: str, accepts_terms: bool, request_id: str | None
) -> UUID:
    """Open an organisation with the person as its owner; gives the organisation.

    Raises:
        DeveloperInvalid: `field` says what is missing or cannot be.
        AlreadyDeveloper: the person belongs to an organisation.
        DatabaseUnavailable.
    """
    organisation = require_text("organisation", organisation, ORGANISATION_CHARACTERS_MAX)
    contact_name = require_text("contact_name", contact_name, NAME_CHARACTERS_MAX)
    email = email.strip()
    if not EMAIL.fullmatch(email):
        raise errors.DeveloperInvalid(field="email")
    if not accepts_terms:
        raise errors.DeveloperInvalid(field="terms")
    organisation_id, now = new_id(), clock.now()
    async with database().transaction() as tx:
        await tx.execute(
            "INSERT INTO developer_organisation (id, name, contact, terms_version, terms_by, terms_at, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $6)",
            organisation_id,
            organisation,
            cipher().seal(orjson.dumps({"name": contact_name, "email": email}).decode()),
            TERMS_VERSION,
            account_id,
            now,
        )
        await _join(tx, organisation_id, account_id, cipher().seal(contact_name), "owner")
        await _record(
            tx, organisation_id, before=None, after={"name": organisation, "terms": TERMS_VERSION},
            account_id=account_id, request_id=request_id,
        )  # fmt: skip
    return organisation_id


async def read_contact(organisation_id: UUID) -> dict[str, str]:
    """Give whom the hospital may write to about an organisation's applications: name and email.

    Raises:
        DatabaseUnavailable.
    """
    sealed = await database().fetchval("SELECT contact FROM developer_organisation WHERE id = $1", organisation_id)
    contact: dict[str, str] = orjson.loads(cipher().open(sealed))
    return contact


async def list_colleagues(developer: Developer) -> list[Colleague]:
    """Give the people of a developer's organisation, who came first before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        "SELECT id, account_id, name, role, joined_at FROM developer_member"
        " WHERE organisation_id = $1 AND ended_at IS NULL ORDER BY joined_at, id LIMIT $2",
        developer.organisation_id,
        MEMBERS_MAX,
    )
    return [
        Colleague(row["id"], row["account_id"], cipher().open(row["name"]), row["role"], row["joined_at"])
        for row in rows
    ]


async def invite(developer: Developer, *, phone: str, name: str, request_id: str | None) -> UUID:
    """Invite somebody to a developer's organisation by their telephone number; one who was invited stays so.

    Raises:
        OwnerRequired, InvalidPhone, DeveloperInvalid, DeveloperLimit, DatabaseUnavailable.
    """
    name = require_text("name", name, NAME_CHARACTERS_MAX)
    phone_hash, now, keys = cipher().lookup_hash(read_phone(phone)), clock.now(), cipher()
    async with database().transaction() as tx:
        await _lock_as_owner(tx, developer)
        await _close_expired(tx, now)
        open_ones = await tx.fetchval(
            "SELECT count(*) FROM developer_invitation WHERE organisation_id = $1 AND status = 'open'",
            developer.organisation_id,
        )
        if open_ones >= INVITATIONS_MAX:
            raise errors.DeveloperLimit(limit=INVITATIONS_MAX)
        invitation_id: UUID = await tx.fetchval(
            "INSERT INTO developer_invitation (id, organisation_id, phone_hash, name, invited_by, status, created_at,"
            " expires_at) VALUES ($1, $2, $3, $4, $5, 'open', $6, $7)"
            " ON CONFLICT (organisation_id, phone_hash) WHERE status = 'open'"
            " DO UPDATE SET name = excluded.name, expires_at = excluded.expires_at RETURNING id",
            new_id(),
            developer.organisation_id,
            phone_hash,
            keys.seal(name),
            developer.account_id,
            now,
            now + INVITATION_LIFETIME,
        )
        await _record(
            tx, developer.organisation_id, before={}, after={"invited": str(invitation_id)},
            account_id=developer.account_id, request_id=request_id,
        )  # fmt: skip
    return invitation_id


async def list_invitations(developer: Developer) -> list[Invitation]:
    """Give the open invitations of a developer's organisation, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_INVITATIONS} AND i.organisation_id = $2 ORDER BY i.id DESC LIMIT $3",
        clock.now(),
        developer.organisation_id,
        INVITATIONS_MAX,
    )
    return [_invitation(row) for row in rows]


async def invitations_for(phone_hash: bytes) -> list[Invitation]:
    """Give the open invitations that wait for whoever has a telephone number, the newest first.

    Raises:
        DatabaseUnavailable.
    """
    rows = await database().fetch(
        f"{_INVITATIONS} AND i.phone_hash = $2 ORDER BY i.id DESC LIMIT $3", clock.now(), phone_hash, INVITATIONS_MAX
    )
    return [_invitation(row) for row in rows]


async def take_invitation(invitation_id: UUID, *, account_id: UUID, phone_hash: bytes, request_id: str | None) -> None:
    """Join the organisation that has invited the owner of this number.

    Raises:
        InvitationNotFound: there is none for this number, or it is over.
        AlreadyDeveloper, DeveloperLimit, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        # The organisation first, as its owners lock it who invite and take back.
        organisation_id = await tx.fetchval(
            "SELECT o.id FROM developer_invitation i JOIN developer_organisation o ON o.id = i.organisation_id"
            " WHERE i.id = $1 AND i.phone_hash = $2 FOR UPDATE OF o",
            invitation_id,
            phone_hash,
        )
        row = await _end_invitation(tx, invitation_id, "taken", "phone_hash = $4", phone_hash)
        count = await tx.fetchval(
            "SELECT count(*) FROM developer_member WHERE organisation_id = $1 AND ended_at IS NULL", organisation_id
        )
        if count >= MEMBERS_MAX:
            raise errors.DeveloperLimit(limit=MEMBERS_MAX)
        await _join(tx, organisation_id, account_id, row["name"], "member")
        await _record(
            tx, organisation_id, before={}, after={"joined": str(account_id)}, account_id=account_id,
            request_id=request_id,
        )  # fmt: skip


async def decline_invitation(invitation_id: UUID, *, phone_hash: bytes) -> None:
    """Say no to an invitation.

    Raises:
        InvitationNotFound, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        await _end_invitation(tx, invitation_id, "declined", "phone_hash = $4", phone_hash)


async def withdraw_invitation(developer: Developer, invitation_id: UUID) -> None:
    """Take an invitation of one's organisation back.

    Raises:
        OwnerRequired, InvitationNotFound, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        await _lock_as_owner(tx, developer)
        await _end_invitation(tx, invitation_id, "withdrawn", "organisation_id = $4", developer.organisation_id)


async def remove_member(developer: Developer, member_id: UUID, *, request_id: str | None) -> None:
    """Let somebody of one's organisation go; it counts with their next page.

    Raises:
        OwnerRequired, MemberNotFound, LastOwner, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        await _lock_as_owner(tx, developer)
        row = await tx.fetchrow(
            "SELECT account_id, role FROM developer_member"
            " WHERE id = $1 AND organisation_id = $2 AND ended_at IS NULL FOR UPDATE",
            member_id,
            developer.organisation_id,
        )
        if row is None:
            raise errors.MemberNotFound
        owners = await tx.fetchval(
            "SELECT count(*) FROM developer_member WHERE organisation_id = $1 AND role = 'owner' AND ended_at IS NULL",
            developer.organisation_id,
        )
        if row["role"] == "owner" and owners == 1:
            raise errors.LastOwner
        await tx.execute("UPDATE developer_member SET ended_at = $2 WHERE id = $1", member_id, clock.now())
        await _record(
            tx, developer.organisation_id, before={"member": str(row["account_id"])}, after={},
            account_id=developer.account_id, request_id=request_id,
        )  # fmt: skip


def require_text(field: str, text: str, characters_max: int) -> str:
    """Give a line of text as it is kept.

    Raises:
        DeveloperInvalid: it is empty, too long, or holds what cannot be read.
    """
    text = text.strip()
    if not 1 <= len(text) <= characters_max or UNREADABLE.search(text):
        raise errors.DeveloperInvalid(field=field)
    return text


_INVITATIONS: Final = (
    "SELECT i.id, o.name AS organisation, i.name, i.expires_at FROM developer_invitation i"
    " JOIN developer_organisation o ON o.id = i.organisation_id WHERE i.status = 'open' AND i.expires_at > $1"
)


def _invitation(row: Row) -> Invitation:
    return Invitation(row["id"], row["organisation"], cipher().open(row["name"]), row["expires_at"])


async def _lock_as_owner(tx: Transaction, developer: Developer) -> None:
    """Lock an organisation for a change of its people, which an owner makes.

    Raises:
        OwnerRequired: the developer is none, or not any more.
    """
    await tx.execute("SELECT FROM developer_organisation WHERE id = $1 FOR UPDATE", developer.organisation_id)
    if not await tx.fetchval(
        "SELECT true FROM developer_member WHERE account_id = $1 AND organisation_id = $2 AND role = 'owner'"
        " AND ended_at IS NULL",
        developer.account_id,
        developer.organisation_id,
    ):
        raise errors.OwnerRequired


async def _close_expired(tx: Transaction, now: datetime) -> None:
    """Close what has expired, so that the same number can be invited anew."""
    await tx.execute(
        "UPDATE developer_invitation SET status = 'withdrawn' WHERE status = ANY ($2) AND expires_at <= $1",
        now,
        INVITATION.before("withdrawn"),
    )


async def _end_invitation(tx: Transaction, invitation_id: UUID, status: str, whose: str, of: object) -> Row:
    row = await tx.fetchrow(
        "UPDATE developer_invitation SET status = $2 WHERE id = $1 AND status = ANY ($5) AND expires_at > $3"  # noqa: S608  our own conditions
        f" AND {whose} RETURNING organisation_id, name",
        invitation_id,
        status,
        clock.now(),
        of,
        INVITATION.before(status),
    )
    if row is None:
        raise errors.InvitationNotFound
    return row


async def _join(tx: Transaction, organisation_id: UUID, account_id: UUID, name: bytes, role: Role) -> None:
    try:
        await tx.execute(
            "INSERT INTO developer_member (id, organisation_id, account_id, name, role, joined_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            new_id(),
            organisation_id,
            account_id,
            name,
            role,
            clock.now(),
        )
    except asyncpg.UniqueViolationError as error:
        raise errors.AlreadyDeveloper from error


async def _record(
    tx: Transaction,
    organisation_id: UUID,
    *,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    account_id: UUID,
    request_id: str | None,
) -> None:
    """Keep who changed an organisation, by ids alone."""
    await record_change(
        tx,
        entity="developer_organisation",
        entity_id=str(organisation_id),
        action="created" if before is None else "updated",
        before=before,
        after=after,
        actor=developer_actor(account_id, request_id),
    )
