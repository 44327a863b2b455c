"""The terms of the follow-up number (一次挂号管三天): after a paid visit one free number, within some days, tied to it.

Guangdong asks for it since 2026-01-01. Whether a visit was paid is told by its fee at booking time, or, where the
hospital's terms want it, by the HIS having settled its payment. The first visit's row is locked while its follow-up is
decided, so that two never are; the database's `appointment_followup_once` says the same.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from booking import claims, errors
from booking.facts import SlotFacts
from booking.payment import links
from kernel.db import Row, Transaction
from kernel.events import Actor

# What has used a first visit's right up; a cancelled follow-up gives it back.
STANDING: Final = ("booked", "arrived", "fulfilled", "noshow")

_TERMS: Final = """
SELECT r.active, r.days, r.accepts_arrived, t.follow_up_wants_payment AS wants_payment,
       first_type.gives_followup AS gives, type.takes_followup AS takes,
       here.id = there.id OR coalesce(here.followup_group = there.followup_group, false) AS same_scope
FROM followup_rule r, registration_payment_terms t, schedule s
JOIN service_type first_type ON first_type.code = s.service_type
JOIN department there ON there.id = s.department_id
CROSS JOIN service_type type CROSS JOIN department here
WHERE s.id = $1 AND type.code = $2 AND here.id = $3
"""


_OPEN: Final = """
SELECT r.active, r.days, r.accepts_arrived, t.follow_up_wants_payment AS wants_payment, y.gives_followup AS gives
FROM followup_rule r, registration_payment_terms t, schedule s JOIN service_type y ON y.code = s.service_type
WHERE s.id = $1
"""


async def lock_first_visit(tx: Transaction, first_id: UUID, slot: SlotFacts, *, patient_id: UUID, actor: Actor) -> None:
    """Lock a visit of the caller's and see that it has a free follow-up left for this slot.

    Raises:
        AppointmentNotFound: absent, or another client's.
        FollowUpNotAllowed: by the rule that it names.
        FollowUpNotDue: the first visit has not taken place.
        FollowUpWindowPassed: the slot lies outside the days.
        FollowUpUsed: there is one already.
    """
    first = await claims.lock_appointment(tx, first_id, actor)
    if first["patient_id"] != patient_id:
        raise errors.FollowUpNotAllowed(rule="patient")
    await require_within_terms(tx, first, slot)
    await _require_unused(tx, first_id)


async def require_movable(tx: Transaction, appointment: Row, slot: SlotFacts) -> None:
    """See that a follow-up that is moved stays within the terms of its first visit.

    Raises:
        FollowUpNotAllowed, FollowUpNotDue, FollowUpWindowPassed.
    """
    first = await tx.fetchrow("SELECT * FROM appointment WHERE id = $1", appointment["follow_up_of"])
    assert first is not None, "appointments are never deleted"
    await require_within_terms(tx, first, slot)


async def require_within_terms(tx: Transaction, first: Row, slot: SlotFacts) -> None:
    """Compare a first visit and a slot with the hospital's rule.

    Raises:
        FollowUpNotAllowed, FollowUpNotDue, FollowUpWindowPassed.
    """
    terms = await tx.fetchrow(_TERMS, first["schedule_id"], slot.service_type, slot.department_id)
    assert terms is not None, "the rule is always there, and schedules keep their types and departments"
    _require_giving(
        first,
        terms,
        is_paid=await _is_paid(tx, first, terms),
        takes=(("service_type", terms["takes"]), ("department", terms["same_scope"])),
    )
    last = first["clinic_date"] + timedelta(days=terms["days"])
    if not first["clinic_date"] <= slot.clinic_date <= last or slot.starts_at <= first["starts_at"]:
        raise errors.FollowUpWindowPassed(last_date=last)


async def require_open(tx: Transaction, first: Row, *, today: date) -> date:
    """See that a visit has a free follow-up left from today on, whatever the slot; give the last day for it.

    Raises:
        FollowUpNotAllowed, FollowUpNotDue, FollowUpWindowPassed, FollowUpUsed.
    """
    terms = await tx.fetchrow(_OPEN, first["schedule_id"])
    assert terms is not None, "the rule is always there"
    _require_giving(first, terms, is_paid=await _is_paid(tx, first, terms))
    last: date = first["clinic_date"] + timedelta(days=terms["days"])
    if today > last:
        raise errors.FollowUpWindowPassed(last_date=last)
    await _require_unused(tx, first["id"])
    return last


async def last_date(tx: Transaction, first: Row) -> date:
    """Give the last day on which a visit's follow-up is free."""
    days: int = await tx.fetchval("SELECT days FROM followup_rule")
    day: date = first["clinic_date"]
    return day + timedelta(days=days)


def first_visit_of(hold: Row, first_id: UUID | None) -> UUID | None:
    """Tell which visit's follow-up a hold becomes: what was held as one stays one.

    Raises:
        FollowUpNotAllowed: it was held for another visit.
    """
    held_for: UUID | None = hold["follow_up_of"]
    if held_for is not None and first_id not in (None, held_for):
        raise errors.FollowUpNotAllowed(rule="hold")
    return held_for or first_id


def free_follow_up(first_id: UUID) -> dict[str, object]:
    """The fee policy at booking time: a follow-up costs nothing."""
    return {"follow_up_of": first_id, "fee_fen": 0}


async def _is_paid(tx: Transaction, first: Row, terms: Row) -> bool:
    return first["fee_fen"] > 0 and (not terms["wants_payment"] or await links.is_settled(tx, first["id"]))


def _require_giving(first: Row, terms: Row, *, is_paid: bool, takes: Sequence[tuple[str, bool]] = ()) -> None:
    """Raises: FollowUpNotAllowed, FollowUpNotDue."""
    for rule, is_met in (
        ("active", terms["active"]),
        ("first_visit", first["follow_up_of"] is None),
        ("paid", is_paid),
        ("service_type", terms["gives"]),
        *takes,
    ):
        if not is_met:
            raise errors.FollowUpNotAllowed(rule=rule)
    due = ("arrived", "fulfilled") if terms["accepts_arrived"] else ("fulfilled",)
    if first["status"] not in due:
        raise errors.FollowUpNotDue(current_status=first["status"])


async def _require_unused(tx: Transaction, first_id: UUID) -> None:
    """Raises: FollowUpUsed."""
    used = await tx.fetchval(
        "SELECT id FROM appointment WHERE follow_up_of = $1 AND status = ANY ($2)", first_id, list(STANDING)
    )
    if used is not None:
        raise errors.FollowUpUsed
