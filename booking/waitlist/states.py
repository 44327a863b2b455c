"""The table by which an entry of the waitlist changes; nothing else may change its status."""

from typing import Final

from kernel.states import TransitionTable

# An entry whose time, or whose offer's time, is over counts as expired: nobody has to write that down first.
ENTRY: Final = TransitionTable(
    {
        "waiting": frozenset({"taken", "closed", "expired", "withdrawn"}),
        "taken": frozenset(),
        "closed": frozenset(),
        "expired": frozenset(),
        "withdrawn": frozenset(),
    }
)

# What partners read of an offer; the row is a hold.
OFFER_STATUS: Final = {"active": "open", "confirmed": "accepted", "released": "declined", "expired": "expired"}
