"""Cool-downs: whoever was found to hold numbers and let them go may hold nothing for a while.

Only holding stops. Whoever wants a number for themselves books it directly, an emergency clinic admits everybody, and
a member of staff may hold for anybody. Whether any cool-down runs is read with the slot's facts: while none does, a
hold pays nothing for this.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from booking.errors import HoldsPaused
from booking.fairness.limits import account_key
from kernel.db import Reader
from kernel.events import Actor


class Subject(NamedTuple):
    """Who may be cooling down; the key is a patient's id or a keyed hash, as in booking/fairness/patterns.py."""

    kind: str
    key: bytes


def subjects_of(actor: Actor, patient_id: UUID, phone_hash: bytes | None) -> list[Subject]:
    """List whose cool-downs a hold by this caller for this person meets."""
    if actor.staff_code is not None:
        return []
    subjects = [Subject("person", patient_id.bytes)]
    if phone_hash is not None:
        subjects.append(Subject("phone", phone_hash))
    if (account := account_key(actor, phone_hash)) is not None:
        subjects.append(Subject("account", account))
    if actor.device_hash is not None:
        subjects.append(Subject("device", actor.device_hash))
    return subjects


async def find_paused(
    db: Reader, requests: Sequence[tuple[int, Sequence[Subject]]], *, at: datetime
) -> dict[int, HoldsPaused]:
    """Give the refusals of those requests whose subjects are cooling down."""
    asked = [(i, subject) for i, subjects in requests for subject in subjects]
    if not asked:
        return {}
    rows = await db.fetch(
        "SELECT q.i, max(f.cool_down_until) AS until"
        " FROM unnest($1::integer[], $2::text[], $3::bytea[]) AS q (i, subject, key)"
        " JOIN hold_pattern_flag f ON f.key = q.key AND f.subject = q.subject"
        " AND f.status = 'confirmed' AND f.cool_down_until > $4 GROUP BY q.i",
        [i for i, _ in asked],
        [subject.kind for _, subject in asked],
        [subject.key for _, subject in asked],
        at,
    )
    return {row["i"]: HoldsPaused(until=row["until"]) for row in rows}
