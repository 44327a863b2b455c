"""What somebody can do about a visit of theirs now, and why not: pure decisions, as the services make them again.

What is told here is what a screen offers; who does it is asked again, by the rules as they are then.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from booking import errors
from booking.payment.errors import NothingToPay, PayAtWindow
from booking.payment.orders import ENDS_BEFORE_HOLD
from booking.queue import errors as queue_errors
from booking.visits import Visit
from kernel import clock
from kernel.errors import HospitalError

Step = Literal["answer_stop", "pay", "check_in", "see_queue"]

OFFERED: Final = "offered"
PAYS_HERE: Final = frozenset({"later", "at-booking"})
BOOKED_BY_THE_HOSPITAL: Final = frozenset({"window", "his_window"})
"""Whoever books at a window pays there; whether they have is the HIS's to know."""
PAYING_TAKES: Final = ENDS_BEFORE_HOLD * 2


class Option(NamedTuple):
    """Whether something can be done now. refusal: why not, where that is worth telling. until: how long it can."""

    is_open: bool
    refusal: HospitalError | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What can be done about a visit, but for what needs more than its facts."""

    pay: Option
    check_in: Option
    see_queue: Option
    cancel: Option
    reschedule: Option
    answer_stop: Option
    rate: Option

    @property
    def next_step(self) -> Step | None:
        """The one thing that is most worth doing now."""
        steps: tuple[tuple[Step, Option], ...] = (
            ("answer_stop", self.answer_stop),
            ("see_queue", self.see_queue),
            ("pay", self.pay),
            ("check_in", self.check_in),
        )
        return next((name for name, option in steps if option.is_open), None)


_CLOSED: Final = Option(is_open=False)


def find_options(visit: Visit, *, at: datetime) -> Options:
    """Decide what can be done about a visit at an instant."""
    answer_stop = _answer_stop(visit, at=at)
    # An offer of the hospital's is answered first; it has no deadline but its own.
    waits = answer_stop.is_open
    cancel = _CLOSED if waits else _change(visit, at=at)
    reschedule = cancel
    if cancel.is_open and visit.moves >= visit.reschedule_limit:
        reschedule = Option(False, errors.RescheduleLimitReached(limit=visit.reschedule_limit))
    return Options(
        pay=_CLOSED if waits else _pay(visit, at=at),
        check_in=_CLOSED if waits else _check_in(visit, at=at),
        see_queue=_see_queue(visit, at=at),
        cancel=cancel,
        reschedule=reschedule,
        answer_stop=answer_stop,
        rate=Option(visit.status == "fulfilled"),
    )


def _answer_stop(visit: Visit, *, at: datetime) -> Option:
    is_offered = visit.stop_status == OFFERED and visit.status == "booked"
    until = visit.stop_deadline_at
    return Option(is_offered and until is not None and until > at, until=until if is_offered else None)


def _change(visit: Visit, *, at: datetime) -> Option:
    if visit.status != "booked":
        return Option(False, errors.AppointmentNotActive(current_status=visit.status))
    deadline = visit.starts_at - timedelta(minutes=visit.cancel_minutes_before)
    if at > deadline:
        return Option(False, errors.CancelDeadlinePassed(deadline_at=deadline), deadline)
    return Option(True, until=deadline)


def _pay(visit: Visit, *, at: datetime) -> Option:
    if visit.status not in ("booked", "arrived") or visit.payment not in ("none", "open"):
        return _CLOSED
    if visit.fee_fen == 0 or visit.policy == "none":
        return Option(False, NothingToPay())
    if visit.policy not in PAYS_HERE or visit.channel_code in BOOKED_BY_THE_HOSPITAL:
        return Option(False, PayAtWindow())
    if visit.status == "arrived" and visit.clinic_date == clock.clinic_date(at):
        return Option(True)
    return Option(visit.starts_at - PAYING_TAKES > at, until=visit.starts_at)


def _check_in(visit: Visit, *, at: datetime) -> Option:
    if visit.status != "booked":
        return _CLOSED
    opens_at = visit.starts_at - timedelta(minutes=visit.check_in_minutes_before)
    closed_at = visit.starts_at + timedelta(minutes=visit.check_in_minutes_after)
    today = clock.clinic_date(at)
    if at < opens_at or today < visit.clinic_date:
        return Option(False, queue_errors.CheckInNotOpen(opens_at=opens_at), opens_at)
    if at > closed_at or today > visit.clinic_date:
        return Option(False, queue_errors.CheckInClosed(closed_at=closed_at), closed_at)
    return Option(True, until=closed_at)


def _see_queue(visit: Visit, *, at: datetime) -> Option:
    has_come = visit.status == "arrived" and visit.queue_entry_id is not None
    return Option(has_come and visit.clinic_date == clock.clinic_date(at))
