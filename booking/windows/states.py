"""The tables by which a number set aside and a case for staff change; nothing else may change their status."""

from typing import Final

from kernel.states import TransitionTable

# The number is the HIS's to sell from `set_aside` until it has handed it back: then it is `returned`, or `used`.
WINDOW_NUMBER: Final = TransitionTable(
    {
        "set_aside": frozenset({"confirmed", "recalled"}),
        "confirmed": frozenset({"recalled"}),
        "recalled": frozenset({"returned", "used"}),
        "returned": frozenset({"set_aside"}),
        "used": frozenset({"set_aside"}),
    }
)
AT_THE_WINDOW: Final = ("set_aside", "confirmed", "recalled")

WINDOW_CASE: Final = TransitionTable(
    {
        "open": frozenset({"accepted", "refused", "withdrawn"}),
        "accepted": frozenset(),
        "refused": frozenset(),
        "withdrawn": frozenset(),
    }
)
