"""The tables by which bans, appeals and findings change; an ended ban stays `active` and is over by its time alone."""

from kernel.states import TransitionTable

BAN = TransitionTable({"active": frozenset({"lifted"}), "lifted": frozenset()})
APPEAL = TransitionTable({"open": frozenset({"granted", "rejected"}), "granted": frozenset(), "rejected": frozenset()})
# A cool-down that has run its time stays `confirmed` and is over by that alone.
PATTERN_FLAG = TransitionTable(
    {
        "open": frozenset({"confirmed", "dismissed"}),
        "confirmed": frozenset({"lifted"}),
        "dismissed": frozenset(),
        "lifted": frozenset(),
    }
)
