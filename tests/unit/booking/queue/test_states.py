"""Every pair of states, the illegal ones too; the surface's steps are tried against the database elsewhere."""

from itertools import product

import pytest

from booking.queue.states import OVER, QUEUE_ENTRY, TO_BE_SEEN

LEGAL = {
    ("waiting", "called"),
    ("waiting", "finished"),
    ("waiting", "left"),
    ("called", "in-consultation"),
    ("called", "passed"),
    ("called", "waiting"),
    ("called", "finished"),
    ("called", "left"),
    ("passed", "waiting"),
    ("passed", "finished"),
    ("passed", "left"),
    ("in-consultation", "finished"),
    ("finished", "waiting"),
}


@pytest.mark.parametrize(("before", "after"), list(product(QUEUE_ENTRY.steps, repeat=2)))
def test_a_step_is_allowed_only_if_the_hospital_knows_it(before: str, after: str) -> None:
    assert QUEUE_ENTRY.allows(before, after) == ((before, after) in LEGAL)
    assert (before in QUEUE_ENTRY.before(after)) == ((before, after) in LEGAL)


def test_the_groups_are_of_the_table() -> None:
    assert {*TO_BE_SEEN, *OVER, "in-consultation"} == set(QUEUE_ENTRY.steps)
