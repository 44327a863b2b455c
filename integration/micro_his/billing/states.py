"""Which status may follow which, of what is ordered, paid, carried out and taken back."""

from typing import Final

from kernel.states import TransitionTable

BILL: Final = TransitionTable(
    {
        "unpaid": frozenset({"paid", "cancelled"}),
        "paid": frozenset({"reversed"}),
        "cancelled": frozenset(),
        "reversed": frozenset(),
    }
)
ITEM: Final = TransitionTable(
    {
        "unpaid": frozenset({"paid", "cancelled"}),
        "paid": frozenset({"done", "reversed"}),
        "done": frozenset(),
        "cancelled": frozenset(),
        "reversed": frozenset(),
    }
)
REFUND_REQUEST: Final = TransitionTable(
    {
        "pending": frozenset({"approved", "refused"}),
        "approved": frozenset({"used"}),
        "refused": frozenset(),
        "used": frozenset(),
    }
)
ADMISSION: Final = TransitionTable(
    {
        "admitted": frozenset({"discharged"}),
        "discharged": frozenset({"settled"}),
        "settled": frozenset({"discharged"}),  # a reversed settlement
    }
)
