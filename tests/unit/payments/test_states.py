"""Every pair of statuses, the illegal ones too."""

import pytest

from kernel.states import TransitionTable
from payments.states import ATTEMPT, EXCEPTION, NOTIFICATION, ORDER, REFUND, SETTLEMENT

STEPS = {
    "order": (
        ORDER,
        {
            ("open", "closing"),
            ("open", "closed"),
            ("open", "paid"),
            ("closing", "closed"),
            ("closing", "paid"),
            ("closed", "paid"),
            ("paid", "settled"),
            ("paid", "rejected"),
            ("settled", "refunded"),
            ("rejected", "refunded"),
        },
    ),
    "attempt": (
        ATTEMPT,
        {
            ("created", "prepared"),
            ("created", "paid"),
            ("created", "closed"),
            ("created", "failed"),
            ("created", "disputed"),
            ("prepared", "paid"),
            ("prepared", "closed"),
            ("prepared", "disputed"),
            ("closed", "paid"),
            ("closed", "disputed"),
            ("failed", "paid"),
            ("failed", "closed"),
            ("failed", "disputed"),
        },
    ),
    "settlement": (
        SETTLEMENT,
        {
            ("accepting", "pending"),
            ("accepting", "rejected"),
            ("pending", "unknown"),
            ("pending", "settled"),
            ("pending", "rejected"),
            ("unknown", "settled"),
            ("unknown", "rejected"),
        },
    ),
    "refund": (
        REFUND,
        {
            ("requested", "reversing"),
            ("requested", "ready"),
            ("requested", "declined"),
            ("reversing", "ready"),
            ("reversing", "abnormal"),
            ("ready", "processing"),
            ("ready", "succeeded"),
            ("ready", "abnormal"),
            ("processing", "succeeded"),
            ("processing", "abnormal"),
            ("abnormal", "reversing"),
            ("abnormal", "ready"),
            ("abnormal", "succeeded"),
            ("abnormal", "paid_offline"),
            ("abnormal", "cancelled"),
        },
    ),
    "notification": (
        NOTIFICATION,
        {
            ("pending", "applied"),
            ("pending", "ignored"),
            ("pending", "dead"),
            ("dead", "pending"),
            ("dead", "applied"),
            ("dead", "ignored"),
        },
    ),
    "exception": (EXCEPTION, {("open", "resolved")}),
}


@pytest.mark.parametrize("what", STEPS)
def test_only_these_steps_exist(what: str) -> None:
    table, steps = STEPS[what]
    assert isinstance(table, TransitionTable)
    allowed = {(before, after) for before in table.steps for after in table.steps if table.allows(before, after)}
    assert allowed == steps
