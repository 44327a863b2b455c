"""The table by which a case changes; nothing else may change its status."""

from typing import Final

from kernel.states import TransitionTable

# An office that answers at once has acknowledged by it. A closed case comes back by the patient alone, once.
CASE: Final = TransitionTable(
    {
        "submitted": frozenset({"acknowledged", "answered", "transferred"}),
        "transferred": frozenset({"acknowledged", "answered", "transferred"}),
        "acknowledged": frozenset({"answered", "transferred"}),
        "answered": frozenset({"closed", "reopened"}),
        "reopened": frozenset({"answered", "transferred"}),
        "closed": frozenset({"reopened"}),
    }
)
WAITING: Final = ("submitted", "transferred", "acknowledged", "reopened")
"""The office has to do something."""
