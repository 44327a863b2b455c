"""The tables by which seats, holds and appointments change; nothing else may change their status.

`booked` for an appointment and the other appointment codes are FHIR R4's
(http://hl7.org/fhir/R4/valueset-appointmentstatus.html).
"""

from collections.abc import Mapping


class TransitionTable:
    """Which status may follow which. Claims name their step here, and the row's UPDATE is conditional on it."""

    def __init__(self, steps: Mapping[str, frozenset[str]]) -> None:
        self.steps = steps
        unknown = {after for afters in steps.values() for after in afters} - set(steps)
        assert not unknown, f"states without a row: {unknown}"

    def allows(self, before: str, after: str) -> bool:
        """Tell whether the step exists."""
        return after in self.steps[before]

    def before(self, after: str) -> list[str]:
        """List the statuses from which `after` may be reached, for `WHERE status = ANY(...)`."""
        return sorted(status for status, afters in self.steps.items() if after in afters)


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
