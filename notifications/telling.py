"""An occurrence becomes a message for each account that acts for the person, once each, in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

import orjson

from kernel import clock
from kernel.crypto import cipher
from kernel.db import Row, Transaction
from kernel.ids import new_id
from notifications import wording
from notifications.kinds import Facts
from notifications.planning import Planned, plan_first
from patients.accounts import Concerned, accounts_of_patients

LANGUAGES: Final[tuple[wording.Language, ...]] = ("zh", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something that a person is to hear of.

    key: names the event; an account gets one message for a key, however often it is told. subject: what the message
    leads to in the app (`appointment`, `waitlist_entry`, `waitlist_offer`, `queue_entry`, `order`, `bill`, `feedback`,
    `account` and its id). facts: all that the kind's words may use, but the person's name, which is added here. until:
    of no use after that. account_id: it is this account's alone, of those that act for the person; None: every one's.
    """

    key: str
    kind: str
    patient_id: UUID
    subject_kind: str
    subject_id: str
    at: datetime
    facts: Facts
    until: datetime | None = None
    account_id: UUID | None = None


async def accounts_of(tx: Transaction, patient_ids: Collection[UUID]) -> Mapping[UUID, Concerned]:
    """Give those of these people for whom somebody's account acts now."""
    return await accounts_of_patients(tx, patient_ids) if patient_ids else {}


async def tell(tx: Transaction, occurrences: Sequence[Occurrence]) -> int:
    """Put occurrences into the inboxes they concern, and plan who is sent them otherwise; give how many are new."""
    concerned = await accounts_of(tx, {one.patient_id for one in occurrences})
    wanted = [(one, person) for one in occurrences if (person := _whom(one, concerned)) is not None]
    if not wanted:
        return 0
    kinds = {
        row["code"]: row
        for row in await tx.fetch(
            "SELECT * FROM notification_kind WHERE code = ANY ($1) AND active", sorted({one.kind for one, _ in wanted})
        )
    }
    told = 0
    # Inboxes are in the order of ids, and those of one millisecond have none.
    ids = iter(sorted(new_id() for _, person in wanted for _ in person.account_ids))
    for one, person in wanted:
        own = list(islice(ids, len(person.account_ids)))
        if one.kind in kinds:
            told += await _tell_one(tx, one, person, kinds[one.kind], ids=own)
    return told


def _whom(one: Occurrence, concerned: Mapping[UUID, Concerned]) -> Concerned | None:
    """Say who is told: whoever acts for the person, or of these the one account whose own the matter is."""
    person = concerned.get(one.patient_id)
    if person is None or one.account_id is None:
        return person
    return Concerned(person.name, (one.account_id,)) if one.account_id in person.account_ids else None


async def _tell_one(tx: Transaction, one: Occurrence, person: Concerned, kind: Row, *, ids: Sequence[UUID]) -> int:
    now = clock.now()
    facts = {**one.facts, "patient": wording.mask_name(person.name)}
    content = cipher().seal(orjson.dumps(_content(kind, facts)).decode())
    rows = await tx.fetch(
        "INSERT INTO notification (id, account_id, event_key, patient_id, kind, subject_kind, subject_id,"
        " content_cipher, occurred_at, until, created_at)"
        " SELECT a.id, a.account_id, $3, $4, $5, $6, $7, $8, $9, $10, $11"
        " FROM unnest($1::uuid[], $2::uuid[]) AS a (id, account_id)"
        " ON CONFLICT (account_id, event_key) DO NOTHING RETURNING id, account_id",
        ids,
        sorted(person.account_ids),
        one.key,
        one.patient_id,
        one.kind,
        one.subject_kind,
        one.subject_id,
        content,
        one.at,
        one.until,
        now,
    )
    for row in rows:
        await plan_first(tx, Planned(row["id"], row["account_id"], one.until), kind, at=now)
    return len(rows)


def _content(kind: Row, facts: Facts) -> dict[str, object]:
    """What was said then stays said, whatever the hospital words differently later; facts are for the other ways."""
    texts = {
        language: {
            "title": wording.fill(kind[f"title_{language}"], facts, language),
            "body": wording.fill(kind[f"body_{language}"], facts, language),
        }
        for language in LANGUAGES
    }
    return texts | {"facts": wording.store(facts)}
