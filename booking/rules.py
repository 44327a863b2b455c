"""Who may take a number when: pure decisions on facts, in the order in which a patient should hear of them."""

from datetime import date, datetime, timedelta

from booking import errors
from booking.facts import SlotFacts
from patients.queries import PatientFacts


def require_bookable(slot: SlotFacts, *, at: datetime) -> None:
    """Let only a released, coming slot of an active schedule through.

    Raises:
        SlotNotFound: the schedule is withdrawn, or the channel never gets seats of it.
        SlotPast: it has begun.
        NotReleased: the channel's time has not come.
    """
    if not slot.active or not slot.released:
        raise errors.SlotNotFound
    if slot.starts_at <= at:
        raise errors.SlotPast(starts_at=slot.starts_at)
    if not slot.pools:
        raise errors.NotReleased(opens_at=slot.opens_next)


def require_seat(slot: SlotFacts) -> None:
    """Say early that nothing is left, before anything is locked.

    Raises:
        SoldOut: with the instant at which another pool opens to this channel, if one will.
    """
    if not slot.has_seat:
        raise errors.SoldOut(next_release_at=slot.opens_next)


def hold_until(slot: SlotFacts, *, at: datetime) -> datetime:
    """Tell when a hold taken now ends: after the clinic's hold time, or when the slot begins if that is earlier."""
    return min(at + timedelta(seconds=slot.hold_seconds), slot.starts_at)


def require_eligible(slot: SlotFacts, patient: PatientFacts) -> None:
    """Apply the clinic's sex and age rules; age counts in completed years on the clinic day.

    Raises:
        PatientNotEligible: naming the rule.
    """
    if slot.sex_allowed is not None and patient.sex != slot.sex_allowed:
        raise errors.PatientNotEligible(rule="sex", limit=slot.sex_allowed)
    if slot.age_years_min is None and slot.age_years_max is None:
        return
    age = completed_years(patient.birth_date, slot.clinic_date)
    if slot.age_years_min is not None and age < slot.age_years_min:
        raise errors.PatientNotEligible(rule="age_years_min", limit=slot.age_years_min)
    if slot.age_years_max is not None and age > slot.age_years_max:
        raise errors.PatientNotEligible(rule="age_years_max", limit=slot.age_years_max)


def require_not_banned(slot: SlotFacts, patient: PatientFacts, *, at: datetime) -> None:
    """Turn away who has missed too many visits; an emergency clinic admits everybody.

    Raises:
        PatientBanned: with the end of the ban.
    """
    if patient.banned_until is not None and patient.banned_until > at and not slot.is_emergency:
        raise errors.PatientBanned(until=patient.banned_until)


def require_before_deadline(starts_at: datetime, minutes_before: int, *, at: datetime) -> None:
    """Let a number be given back or moved only until the deadline.

    Raises:
        CancelDeadlinePassed: with the deadline.
    """
    deadline = starts_at - timedelta(minutes=minutes_before)
    if at > deadline:
        raise errors.CancelDeadlinePassed(deadline_at=deadline)


def completed_years(birth_date: date, on: date) -> int:
    """Count completed years of age; who is born on 29 February turns older on 1 March in common years."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))
