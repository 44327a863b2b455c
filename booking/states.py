"""The tables by which seats, holds and appointments change; nothing else may change their status.

`booked` for an appointment and the other appointment codes are FHIR R4's
(http://hl7.org/fhir/R4/valueset-appointmentstatus.html).
"""

from kernel.states import TransitionTable


def _table(**steps: set[str]) -> TransitionTable:
    return TransitionTable({status.replace("_", "-"): frozenset(afters) for status, afters in steps.items()})


# A held seat whose time is over counts as free: claims take it over without a step in between.
SEAT = _table(
    free={"held", "booked", "blocked"},
    held={"free", "booked"},
    booked={"free"},
    blocked={"free"},
)

HOLD = _table(
    active={"confirmed", "released", "expired"},
    confirmed=set(),
    released=set(),
    expired=set(),
)

APPOINTMENT = _table(
    booked={"arrived", "cancelled", "noshow", "entered-in-error"},
    arrived={"fulfilled", "cancelled", "entered-in-error"},
    fulfilled={"entered-in-error"},
    cancelled=set(),
    noshow={"entered-in-error"},
    entered_in_error=set(),
)
