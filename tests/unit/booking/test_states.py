"""Every pair of states of every table, the illegal ones too."""

from itertools import product

import pytest

from booking.fairness.states import PATTERN_FLAG
from booking.states import APPOINTMENT, HOLD, SEAT
from kernel.states import TransitionTable

LEGAL = {
    "seat": {
        ("free", "held"),
        ("free", "booked"),
        ("free", "blocked"),
        ("held", "free"),
        ("held", "booked"),
        ("booked", "free"),
        ("blocked", "free"),
    },
    "hold": {("active", "confirmed"), ("active", "released"), ("active", "expired")},
    "appointment": {
        ("booked", "arrived"),
        ("booked", "cancelled"),
        ("booked", "noshow"),
        ("booked", "entered-in-error"),
        ("arrived", "fulfilled"),
        ("arrived", "cancelled"),
        ("arrived", "entered-in-error"),
        ("fulfilled", "entered-in-error"),
        ("noshow", "entered-in-error"),
    },
    "pattern flag": {("open", "confirmed"), ("open", "dismissed"), ("confirmed", "lifted")},
}
TABLES = {"seat": SEAT, "hold": HOLD, "appointment": APPOINTMENT, "pattern flag": PATTERN_FLAG}
PAIRS = [(name, *pair) for name, table in TABLES.items() for pair in product(table.steps, repeat=2)]


@pytest.mark.parametrize(("name", "before", "after"), PAIRS)
def test_a_step_is_allowed_only_if_the_hospital_knows_it(name: str, before: str, after: str) -> None:
    table = TABLES[name]

    assert table.allows(before, after) == ((before, after) in LEGAL[name])
    assert (before in table.before(after)) == ((before, after) in LEGAL[name])


def test_the_tables_know_the_states_that_the_database_knows() -> None:
    assert set(PATTERN_FLAG.steps) == {"open", "confirmed", "dismissed", "lifted"}
    assert set(SEAT.steps) == {"free", "held", "booked", "blocked"}
    assert set(HOLD.steps) == {"active", "confirmed", "released", "expired"}
    assert set(APPOINTMENT.steps) == {"booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error"}


def test_an_unknown_state_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError):
        SEAT.allows("sold", "free")
    with pytest.raises(AssertionError, match="sold"):
        TransitionTable({"free": frozenset({"sold"})})
