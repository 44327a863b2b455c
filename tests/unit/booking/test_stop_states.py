"""Every pair of states of a stop order and of its cases, the illegal ones too."""

import itertools

import pytest

from booking.stops.states import STOP_CASE, STOP_ORDER
from kernel.states import TransitionTable

ORDER_STEPS = {
    ("freezing", "resolving"), ("freezing", "paused"), ("freezing", "aborted"), ("freezing", "restarted"),
    ("resolving", "finished"), ("resolving", "paused"), ("resolving", "aborted"), ("resolving", "restarted"),
    ("paused", "freezing"), ("paused", "aborted"), ("paused", "restarted"),
    ("finished", "restarted"), ("aborted", "restarted"),
}  # fmt: skip
CASE_STEPS = {
    ("pending", "substituted"), ("pending", "moved"), ("pending", "offered"), ("pending", "cancelled"),
    ("pending", "kept"), ("pending", "gone"),
    ("offered", "chosen"), ("offered", "cancelled"), ("offered", "pending"), ("offered", "kept"), ("offered", "gone"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "allowed"), [(STOP_ORDER, ORDER_STEPS), (STOP_CASE, CASE_STEPS)])
def test_every_pair_of_states(table: TransitionTable, allowed: set[tuple[str, str]]) -> None:
    pairs = set(itertools.product(table.steps, repeat=2))
    assert {pair for pair in pairs if table.allows(*pair)} == allowed
