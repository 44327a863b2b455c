"""The tables by which a stop order and its cases change; nothing else may change their status."""

from typing import Final

from kernel.states import TransitionTable

STOP_ORDER: Final = TransitionTable(
    {
        "freezing": frozenset({"resolving", "paused", "aborted", "restarted"}),
        "resolving": frozenset({"finished", "paused", "aborted", "restarted"}),
        # Freezing again finds nothing left to freeze, and goes on where it was.
        "paused": frozenset({"freezing", "aborted", "restarted"}),
        "finished": frozenset({"restarted"}),
        "aborted": frozenset({"restarted"}),
        "restarted": frozenset(),
    }
)

STOP_CASE: Final = TransitionTable(
    {
        "pending": frozenset({"substituted", "moved", "offered", "cancelled", "kept", "gone"}),
        # An offer that nobody took goes back to the policy's next step.
        "offered": frozenset({"chosen", "cancelled", "pending", "kept", "gone"}),
        "substituted": frozenset(),
        "moved": frozenset(),
        "chosen": frozenset(),
        "cancelled": frozenset(),
        "kept": frozenset(),
        # The patient had cancelled, moved or come before anything was done.
        "gone": frozenset(),
    }
)

OPEN_CASES: Final = ("pending", "offered")
