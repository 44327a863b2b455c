"""The tables by which a day's books and their differences change; nothing else may change their status."""

from kernel.states import TransitionTable

CLOSING = TransitionTable(
    {
        "collecting": frozenset({"matched", "superseded"}),
        "matched": frozenset({"closed", "superseded"}),
        "closed": frozenset(),
        "superseded": frozenset(),
    }
)

REQUEST = TransitionTable(
    {
        "waiting": frozenset({"working"}),
        "working": frozenset({"working", "closed", "failed"}),
        "closed": frozenset(),
        "failed": frozenset(),
    }
)

# What a later run no longer finds has vanished; found again, it is open again. What somebody settled stays settled.
DIFFERENCE = TransitionTable(
    {
        "open": frozenset({"explained", "resolved", "vanished"}),
        "explained": frozenset({"open", "resolved", "vanished"}),
        "resolved": frozenset(),
        "vanished": frozenset({"open", "explained"}),
    }
)
