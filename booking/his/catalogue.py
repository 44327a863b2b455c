"""Telling the core HIS of schedules and practitioners, and hearing what it changes of practitioners."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from booking.catalogue.announcing import load_practitioner, load_schedules
from booking.catalogue.pinyin import spell_name
from booking.windows.numbers import confirm_told
from integration.his.facts import PractitionerFacts, ScheduleFacts
from integration.his.port import Accepted, ChangeKind, InboundChange, InboundKind, OutboundChange
from integration.his.subscriptions import InboundSubscription, Intent, OutboundSubscription
from kernel import clock
from kernel.audit import record_change
from kernel.db import Transaction, database
from patients.his import his_actor


async def _load_schedules(intents: Sequence[Intent]) -> Mapping[int, OutboundChange]:
    """Give each letter's schedules as they stand now; one whose schedules are gone has nothing to tell."""
    wanted = {intent.id: [UUID(text) for text in intent.payload["schedule_ids"]] for intent in intents}
    everything = [schedule_id for ids in wanted.values() for schedule_id in ids]
    found: dict[UUID, ScheduleFacts] = {
        facts.schedule_id: facts for facts in await load_schedules(database(), everything)
    }
    changes = {}
    for letter, ids in wanted.items():
        schedules = tuple(found[schedule_id] for schedule_id in ids if schedule_id in found)
        if schedules:
            changes[letter] = OutboundChange(ChangeKind.SCHEDULES_PUBLISHED, schedules)
    return changes


async def _confirm_schedules(tx: Transaction, told: Sequence[tuple[Intent, Accepted]]) -> None:
    """Note that the HIS has the numbers set aside for its windows in these schedules."""
    letters: dict[UUID, int] = {}
    for intent, _ in told:
        for text in intent.payload["schedule_ids"]:
            schedule_id = UUID(text)
            letters[schedule_id] = max(intent.id, letters.get(schedule_id, 0))
    await confirm_told(tx, letters, at=clock.now())


async def _load_practitioners(intents: Sequence[Intent]) -> Mapping[int, OutboundChange]:
    changes = {}
    for intent in intents:
        facts = await load_practitioner(database(), UUID(intent.payload["practitioner_id"]))
        if facts is not None:
            changes[intent.id] = OutboundChange(ChangeKind.PRACTITIONER_PUBLISHED, facts)
    return changes


async def _apply_practitioner(tx: Transaction, change: InboundChange) -> None:
    """Follow the HIS where it has corrected a practitioner's name; the rest is the slot office's.

    One whom the platform does not have is left out: who gives clinics is decided here.
    """
    told = change.facts
    assert isinstance(told, PractitionerFacts), "the port gives a practitioner with this kind"
    row = await tx.fetchrow("SELECT id, name FROM practitioner WHERE code = $1 FOR UPDATE", told.code)
    if row is None or row["name"] == told.name:
        return
    pinyin, initials = spell_name(told.name)
    await tx.execute(
        "UPDATE practitioner SET name = $2, pinyin = $3, initials = $4, version = version + 1 WHERE id = $1",
        row["id"],
        told.name,
        pinyin,
        initials,
    )
    await record_change(
        tx,
        entity="practitioner",
        entity_id=str(row["id"]),
        action="updated",
        before={"name": row["name"]},
        after={"name": told.name},
        actor=his_actor(change.source),
    )


INBOUND: Final = (InboundSubscription(InboundKind.PRACTITIONER_CHANGED, _apply_practitioner),)
OUTBOUND: Final = (
    OutboundSubscription("schedule.published", _load_schedules, accepted=_confirm_schedules),
    OutboundSubscription("schedule.changed", _load_schedules, accepted=_confirm_schedules),
    OutboundSubscription("practitioner.changed", _load_practitioners),
)
