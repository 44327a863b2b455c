"""The table by which a request for an extra seat changes; nothing else may change its status."""

from typing import Final

from kernel.states import TransitionTable

EXTRA_SEAT: Final = TransitionTable(
    {
        "requested": frozenset({"approved", "refused"}),
        "approved": frozenset(),
        "refused": frozenset(),
    }
)
