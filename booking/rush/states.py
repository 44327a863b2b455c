"""The table by which a ticket of the waiting room changes; nothing else may change its status."""

from typing import Final

from kernel.states import TransitionTable

# A turn whose time is over counts as passed: nobody has to write that down first.
TICKET: Final = TransitionTable(
    {
        "waiting": frozenset({"turn", "withdrawn"}),
        "turn": frozenset({"used", "passed", "withdrawn"}),
        "used": frozenset(),
        "passed": frozenset(),
        # Until the draw: somebody who joins again has not lost anything.
        "withdrawn": frozenset({"waiting"}),
    }
)
