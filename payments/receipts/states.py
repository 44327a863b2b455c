"""How a receipt may go on. Refused waits for a person; void never was at the fiscal platform."""

from typing import Final

from kernel.states import TransitionTable

RECEIPT: Final = TransitionTable(
    {
        "issuing": frozenset({"issued", "refused"}),
        "refused": frozenset({"issuing", "void"}),
        "issued": frozenset({"written-off"}),
        "written-off": frozenset(),
        "void": frozenset(),
    }
)
