"""Every pair of statuses, the steps that there are and those that there are not."""

import itertools
from datetime import timedelta

import pytest

from kernel.states import TransitionTable
from partners.webhooks.fan_out import matches
from partners.webhooks.retries import DELAYS_SECONDS, delay_after
from partners.webhooks.states import DELIVERY, ENDPOINT

STEPS = [
    (ENDPOINT, {("active", "paused"), ("active", "disabled"), ("paused", "active"), ("paused", "disabled"),
                ("disabled", "active"), ("disabled", "paused")}),
    (DELIVERY, {("pending", "delivered"), ("pending", "failed"), ("delivered", "pending"), ("failed", "pending")}),
]  # fmt: skip


@pytest.mark.parametrize(("table", "steps"), STEPS, ids=["endpoint", "delivery"])
def test_a_status_changes_by_these_steps_alone(table: TransitionTable, steps: set[tuple[str, str]]) -> None:
    pairs = itertools.product(table.steps, repeat=2)
    assert {pair for pair in pairs if table.allows(*pair)} == steps


def test_delays_grow_and_end_within_three_days() -> None:
    delays = [delay_after(tries) for tries in range(1, len(DELAYS_SECONDS) + 1)]
    assert delay_after(len(DELAYS_SECONDS) + 1) is None
    total = timedelta()
    for delay, seconds in zip(delays, DELAYS_SECONDS, strict=True):
        assert delay is not None
        assert seconds <= delay.total_seconds() <= seconds * 1.02
        total += delay
    assert total <= timedelta(days=3)
    assert list(DELAYS_SECONDS) == sorted(DELAYS_SECONDS)


@pytest.mark.parametrize(
    ("pattern", "kind", "wanted"),
    [
        ("*", "appointment.moved", True),
        ("appointment.*", "appointment.moved", True),
        ("appointment.moved", "appointment.moved", True),
        ("appointment.moved", "appointment.moved_away", False),
        ("appointment.*", "appointments.moved", False),
        ("hold.*", "appointment.moved", False),
    ],
)
def test_kinds_are_asked_for_by_name_group_or_all(pattern: str, kind: str, *, wanted: bool) -> None:
    assert matches(pattern, kind) is wanted
